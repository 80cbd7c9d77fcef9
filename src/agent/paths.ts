// Runs in: main thread.
import { dirname, join, resolve } from "@std/path";
import { version } from "../shared/version.ts";
import { CommandError, EXIT } from "./errors.ts";
import { followLinks, readIfThere } from "./files.ts";

/** Where everything is below the root. */
export interface Paths {
  root: string;
  launcher: string;
  current: string;
  versionFolder: string;
  configFile: string;
  /** The last configuration that ran, beside the one that should. */
  lastGoodConfigFile: string;
  /** A received configuration while it is judged, and the one that ran before the last change from afar. */
  candidateConfigFile: string;
  previousConfigFile: string;
  /** The store's; nothing in it is executed or trusted as a decision. */
  data: string;
  /** Mode 0700, main's alone: all that decides. See {@link journalsAreInData} for the one exception. */
  control: string;
  messages: string;
  logs: string;
  /** The shared state, for the next start. */
  stateFile: string;
  /** Present only while a new configuration proves itself. */
  reconfiguration: string;
  /** Which revisions were rejected. */
  revisions: string;
  /** What an update needs to know after the switch, its counter of starts, and what is known of releases. */
  update: string;
  probation: string;
  releases: string;
  /** Which versions this program has installed. */
  versions: string;
  /** What became of the last package that a server offered, and what the server has not been told yet. */
  package: string;
  /** Downloads under way. */
  staging: string;
  /** What backends asked main to keep, one file each, mode 0600. */
  kept: string;
  /** A received configuration that only a person on the node may allow. */
  refusedConfiguration: string;
  lockFile: string;
  socket: string;
}

/**
 * Where everything is. Links below the root are followed, once: Deno judges where a path leads, not its name.
 *
 * @param root With its links followed, see {@link checkIsFolder}.
 * @param softwareVersion The version whose folder is meant; default: this program's.
 */
export function pathsOf(root: string, softwareVersion = version): Paths {
  const versionFolder = join(root, softwareVersion);
  const data = followLinks(join(root, "data"));
  const control = join(root, "control");
  const inJournals = (name: string) => join(journalsAreInData(root) ? data : control, name);
  return {
    root,
    launcher: join(root, "ivy"),
    current: join(root, "current"),
    versionFolder,
    configFile: join(versionFolder, "config", "config.json"),
    lastGoodConfigFile: join(versionFolder, "config", "config.last_good.json"),
    candidateConfigFile: join(versionFolder, "config", "config.candidate.json"),
    previousConfigFile: join(versionFolder, "config", "config.previous.json"),
    data,
    control,
    messages: followLinks(join(data, "messages")),
    logs: followLinks(join(data, "logs")),
    stateFile: join(data, "state.kv"),
    versions: join(control, "versions.json"),
    refusedConfiguration: join(control, "refused_configuration.json"),
    staging: join(root, "staging"),
    get reconfiguration() {
      return inJournals("reconfiguration.json");
    },
    get revisions() {
      return inJournals("revisions.json");
    },
    get update() {
      return inJournals("update.json");
    },
    get probation() {
      return inJournals("probation");
    },
    get releases() {
      return inJournals("releases.json");
    },
    get package() {
      return inJournals("offered_package.json");
    },
    get kept() {
      return inJournals("backends");
    },
    get lockFile() {
      return inJournals("run.lock");
    },
    get socket() {
      return inJournals("ivy.sock");
    },
  };
}

/**
 * Whether a node still has its journals, credentials, lock and socket in `data/`, where version 0.1 had them, instead of
 * `control/`. The rule: **they are where the launcher that is installed reads them**, so that launcher and agent never
 * disagree; the store may not write to the launcher. Version 0.1 installs its own launcher whenever it starts, and this
 * version installs its own last, once everything is in `control/` (see `move_journals.ts`); while a version is on
 * probation, the launcher of the version before stays. So a node that was updated from 0.1 and may go back to it keeps
 * everything in `data/` until the probation is over, and from then on `data/` is not believed. Without a launcher (Ivy
 * runs from its sources, or the binary lies in the launcher's place) only a lock that 0.1 has left says so, and only as
 * long as there is no `control/`.
 *
 * It is asked anew each time, because it changes while an agent and commands run.
 */
export function journalsAreInData(root: string): boolean {
  const launcher = readLauncher(root);
  if (launcher?.includes("/control/probation")) return false;
  if (launcher?.includes("/data/probation")) return true;
  return !exists(join(root, "control")) && exists(join(root, "data", "run.lock"));
}

/** Whether version 0.1 may come back by itself: then everything stays where it looks for it. */
export function isOnEarlierProbation(root: string): boolean {
  return readLauncher(root)?.includes("/data/probation") === true && exists(join(root, "data", "probation"));
}

/** Larger than any launcher, and smaller than any binary, in bytes. */
const MAX_LAUNCHER_BYTES = 65_536;

/** The launcher's text; undefined when there is none, or a binary in its place. */
export function readLauncher(root: string): string | undefined {
  const path = join(root, "ivy");
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= MAX_LAUNCHER_BYTES ? readIfThere(path) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

/**
 * Finds the root: what was asked for, else `$IVY_ROOT`, else the folder that the running binary (or its version's
 * folder) lies in if that is a root already, else `~/Documents/ivy`.
 */
export function findRoot(asked: string | undefined, env = (name: string) => Deno.env.get(name)): string {
  const named = asked ?? env("IVY_ROOT");
  if (named !== undefined && named !== "") return resolve(named);
  if (Deno.build.standalone) {
    const folder = dirname(Deno.realPathSync(Deno.execPath()));
    const found = [folder, dirname(folder)].find(isRoot);
    if (found !== undefined) return found;
  }
  return join(env("HOME") ?? "/", "Documents", "ivy");
}

function isRoot(folder: string): boolean {
  return exists(join(folder, "current")) || exists(join(folder, "data"));
}

/**
 * @returns the root with all links followed; it need not exist.
 * @throws {CommandError} when it, or what it lies in, is no folder.
 */
export function checkIsFolder(root: string): string {
  const existing = firstExisting(root);
  if (isFolder(existing)) return followLinks(root);
  throw new CommandError(`${existing} is no folder: choose another --root`, EXIT.wrongUsage);
}

/** The path itself, or the nearest folder above it that is there. */
export function firstExisting(path: string): string {
  return exists(path) ? path : firstExisting(dirname(path));
}

/** The active version, where that is another one and this one has no configuration here; else undefined. */
export function otherVersion({ current, configFile }: Paths): string | undefined {
  if (exists(configFile) || !exists(current)) return undefined;
  const active = Deno.readLinkSync(current);
  return active === version ? undefined : active;
}

/** @throws {CommandError} when the node's configuration is for another version of Ivy. */
export function refuseOtherVersion(paths: Paths): void {
  const other = otherVersion(paths);
  if (other === undefined) return;
  throw new CommandError(
    `${paths.root} runs Ivy ${other}, and this is ${version}: call ${paths.launcher} instead`,
  );
}

/** False also for a link that leads nowhere. */
function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** True when there is something at the path, be it a dangling link. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
