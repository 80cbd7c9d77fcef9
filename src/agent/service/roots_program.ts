// Runs in: main thread.
import { dirname } from "@std/path";
import { version } from "../../shared/version.ts";
import { CommandError } from "../errors.ts";
import { makeFolder, readIfThere, replaceName, syncFile, syncFolder, temporaryName } from "../files.ts";
import { copyProgram } from "../layout.ts";
import { exists } from "../paths.ts";
import { holdsProgram } from "../program_file.ts";
import type { Machine } from "./machine.ts";
import type { Step } from "./steps.ts";

export interface RootsProgramOptions {
  machine: Machine;
  paths: { root: string };
  user: string;
  /** Default: the running binary, none from source. */
  binary?: string | undefined;
}

const MARK = "# Written by: ivy install. Removed by: ivy uninstall";

/** The running binary, by a name that every user of this process can open. */
export function ownProgram(): string | undefined {
  return Deno.build.standalone ? "/proc/self/exe" : undefined;
}

/**
 * What root calls instead of the node's own launcher, which the service's user can change: a script of root's, and a copy
 * of this binary for what needs root's rights. Everything else is the node's active version, with its user's rights.
 */
export function rootsProgramSteps(options: RootsProgramOptions): Step[] {
  const { machine, binary = ownProgram() } = options;
  const { rootsProgram, rootsLauncher } = machine;
  const text = scriptText(options);
  const present = () => exists(rootsLauncher) ? readScript(rootsLauncher) : undefined;
  if (exists(rootsLauncher) && !mayReplace(rootsLauncher, binary)) {
    throw new CommandError(`${rootsLauncher} was not written by ivy install: move it away first`);
  }
  const script: Step = {
    goal: `${rootsLauncher} is what root calls`,
    how: `write ${rootsLauncher}, which calls what is in the root as ${options.user}`,
    isSo: () => present() === text,
    bringAbout() {
      makeFolder(dirname(rootsLauncher), 0o755);
      replaceName(rootsLauncher, text, 0o755);
    },
  };
  if (binary === undefined) return [script];
  const copy: Step = {
    goal: `${rootsProgram} is root's copy of this binary`,
    how: `copy this binary to ${rootsProgram}`,
    isSo: () => holdsProgram(rootsProgram, binary),
    bringAbout: () => placeCopy(binary, rootsProgram),
  };
  return [copy, script];
}

export function removeRootsProgramStep({ rootsProgram, rootsLauncher }: Machine): Step {
  const isOurs = () => readScript(rootsLauncher)?.includes(MARK) === true;
  return {
    goal: `${rootsLauncher} is gone`,
    how: `remove ${rootsLauncher} and ${rootsProgram}`,
    isSo: () => !isOurs(),
    bringAbout() {
      if (exists(rootsProgram)) Deno.removeSync(rootsProgram);
      Deno.removeSync(rootsLauncher);
    },
  };
}

/**
 * Other users get root's copy, too: what the service's user can change is run as that user only. The doctor of another
 * version than the active one would look for the wrong things.
 */
function scriptText({ machine, paths, user }: RootsProgramOptions): string {
  return `#!/bin/sh
${MARK}
# Root's own entry to Ivy: what lies in the root folder is its user's, so it is never called with root's rights.
export IVY_ROOT=${quoted(paths.root)}
program=${quoted(machine.rootsProgram)}
if [ "$(id -u)" != 0 ]; then exec "$program" "$@"; fi
case \${1-} in
install | uninstall) exec "$program" "$@" ;;
doctor) if [ "$(readlink "$IVY_ROOT/current")" = ${quoted(version)} ]; then exec "$program" "$@"; fi ;;
esac
exec setpriv --reuid=${user} --regid="$(id -g ${user})" --init-groups -- "$IVY_ROOT/ivy" "$@"
`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

/** A program in the script's place is no stranger's if it is the one that installs. */
function mayReplace(path: string, binary: string | undefined): boolean {
  return readScript(path)?.includes(MARK) === true || (binary !== undefined && holdsProgram(path, binary));
}

function readScript(path: string): string | undefined {
  return exists(path) && Deno.statSync(path).size < MAX_SCRIPT_BYTES ? readIfThere(path) : undefined;
}

const MAX_SCRIPT_BYTES = 65_536;

function placeCopy(from: string, to: string): void {
  makeFolder(dirname(to), 0o755);
  const temporary = temporaryName(to);
  try {
    copyProgram(from, temporary);
    syncFile(temporary);
    Deno.renameSync(temporary, to);
  } catch (error) {
    if (exists(temporary)) Deno.removeSync(temporary); // a full disk must not keep half a program
    throw error;
  }
  syncFolder(dirname(to));
}
