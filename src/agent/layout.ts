// Runs in: main thread.
import { dirname, join } from "@std/path";
import template from "../../config/config.template.json" with { type: "text" };
import { isVersion, SIGNATURES_NAME, SUMS_NAME } from "../shared/release.ts";
import { version } from "../shared/version.ts";
import { CommandError, diskError, EXIT } from "./errors.ts";
import {
  makeFolder,
  readIfThere,
  removeTemporaries,
  replaceFile,
  replaceLink,
  replaceName,
  syncFile,
  syncFolder,
  temporaryName,
} from "./files.ts";
import { LAUNCHER } from "./launcher.ts";
import { moveJournals } from "./move_journals.ts";
import { checkIsFolder, exists, journalsAreInData, type Paths, readLauncher } from "./paths.ts";
import { holdsProgram } from "./program_file.ts";

/** Longest path of a unix socket that the kernel takes, in bytes. */
export const MAX_SOCKET_PATH_BYTES = 108;

/**
 * Creates the folders for data and for what decides, the first things that a node needs.
 *
 * @returns what was created, as sentences.
 * @throws {CommandError} when the root cannot hold a node.
 */
export function createDataFolder(paths: Paths): string[] {
  return explaining(paths, () => {
    checkRoot(paths);
    const isNew = !exists(paths.data);
    const isNode = exists(paths.current);
    makeFolder(paths.data);
    if (!journalsAreInData(paths.root)) createControlFolder(paths);
    Deno.openSync(paths.lockFile, { append: true, create: true }).close(); // or nothing can be written here at all
    if (!isNew) return [];
    return [isNode ? missingDataWarning(paths) : `created ${paths.data}`];
  });
}

/**
 * Creates what else is missing below the root, and replaces a binary of this version that is not this program (a power
 * cut may have emptied it); nothing else that is there is changed. All of it survives a power cut once this returns. Call it
 * under the lock.
 *
 * @param binary What to put into the version's folder; default: the running binary, none when it runs from source.
 * @returns what was created, as sentences.
 * @throws {CommandError} when the root cannot hold a node.
 */
export function createLayout(paths: Paths, binary = runningBinary()): string[] {
  return explaining(paths, () => {
    removeTemporaries(
      paths.root,
      paths.control,
      paths.kept,
      paths.data,
      paths.versionFolder,
      dirname(paths.configFile),
    );
    const created = [
      ...createConfig(paths),
      ...(binary === undefined ? [] : placeBinary(paths, binary)),
    ];
    if (!exists(paths.current) || Deno.readLinkSync(paths.current) !== version) {
      replaceLink(paths.current, version);
      created.push(`${paths.current} now points to ${version}`);
    }
    created.push(...moveJournals(paths));
    if (binary !== undefined) created.push(...placeLauncher(paths));
    return created;
  });
}

/** Whatever mode somebody has given it, it becomes main's alone again. */
function createControlFolder({ control }: Paths): void {
  makeFolder(control, 0o700);
  if ((Deno.statSync(control).mode ?? 0o700) & 0o077) Deno.chmodSync(control, 0o700);
}

function explaining<T>({ root }: Paths, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw diskError(`set up ${root}`, error);
  }
}

function missingDataWarning({ data }: Paths): string {
  return `WARNING: ${data} was missing beside an existing node and was created empty. ` +
    "If the data lies on a disk of its own, stop Ivy and mount it";
}

/** Also of a node that still has its socket in the data folder: it will move. */
function checkRoot({ root, control }: Paths): void {
  const socket = join(control, "ivy.sock");
  const length = new TextEncoder().encode(socket).length;
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new CommandError(
      `the path ${socket} has ${length} bytes, but a socket's may have ${MAX_SOCKET_PATH_BYTES}: choose a shorter --root`,
    );
  }
  checkIsFolder(root);
  if (isEmpty(root) || holdsNode(root)) return;
  throw new CommandError(
    `${root} holds something else and no node of Ivy: choose an empty or a new folder as --root`,
    EXIT.wrongUsage,
  );
}

/** What may lie in a folder that is no node yet: the program itself, its release's list, and what a new file system has. */
const NOTHING_ELSE = ["ivy", "ivy.installing", SUMS_NAME, SIGNATURES_NAME, "lost+found"];

function isEmpty(root: string): boolean {
  return !exists(root) || [...Deno.readDirSync(root)].every(({ name }) => NOTHING_ELSE.includes(name));
}

/** Whether a folder is a node; also where somebody has prepared a configuration, or Python Ivy was. */
export function holdsNode(root: string): boolean {
  if (!exists(root)) return false;
  const names = [...Deno.readDirSync(root)].map(({ name }) => name);
  return ["current", "data", "control"].some((name) => names.includes(name)) || names.some(isVersion);
}

/** The configuration of a new version is the old version's, of a new node the template's. */
function createConfig(paths: Paths): string[] {
  if (exists(paths.configFile) || exists(paths.lastGoodConfigFile)) return [];
  makeFolder(dirname(paths.configFile), 0o700);
  const old = readIfThere(join(paths.current, "config", "config.json"));
  const text = (old ?? template).replace(/("software_version"\s*:\s*)"[^"]*"/, `$1"${version}"`);
  replaceFile(paths.configFile, text, 0o600);
  return [`created ${paths.configFile} from ${old === undefined ? "the template" : "the version before"}`];
}

/** By the kernel's name for it where its path cannot be followed: the owner of a root need not see what root has called. */
export function runningBinary(): string | undefined {
  if (!Deno.build.standalone) return undefined;
  try {
    return Deno.realPathSync(Deno.execPath());
  } catch {
    return "/proc/self/exe";
  }
}

/** Puts the binary into its version's folder. */
function placeBinary(paths: Paths, binary: string): string[] {
  const placed = join(paths.versionFolder, "ivy");
  const created: string[] = [];
  if (!holdsProgram(placed, binary)) {
    const instead = exists(placed) ? ", in the place of one that was damaged or another" : "";
    linkOrCopy(binary, placed);
    created.push(`put this binary at ${placed}${instead}`);
  }
  return created;
}

/** Puts the launcher where people call it; while a version is on probation, the one that can go back stays. */
function placeLauncher({ root, launcher, probation }: Paths): string[] {
  if (exists(launcher) && (exists(probation) || readLauncher(root) === LAUNCHER)) return [];
  replaceName(launcher, LAUNCHER, 0o755);
  return [`created the launcher ${launcher}`];
}

/** Gives a file a second name; where that cannot be, copies it. Either survives a power cut. */
export function linkOrCopy(from: string, to: string): void {
  const temporary = temporaryName(to);
  try {
    if (!links(from, temporary)) copyProgram(from, temporary);
    syncFile(temporary); // a linked one, too: whoever wrote it may not have
    Deno.renameSync(temporary, to);
  } catch (error) {
    if (exists(temporary)) Deno.removeSync(temporary); // a full disk must not keep half a program
    throw error;
  }
  syncFolder(dirname(to));
}

/** @returns false on another file system, one without hard links, or for what belongs to somebody else. */
function links(from: string, to: string): boolean {
  try {
    if (Deno.lstatSync(from).uid !== Deno.uid()) return false;
    Deno.linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}

/** A copy that can be executed, in the place of whatever an earlier one has left there. */
export function copyProgram(from: string, to: string): void {
  if (exists(to)) Deno.removeSync(to);
  using source = Deno.openSync(from);
  using target = Deno.openSync(to, { write: true, createNew: true, mode: 0o755 });
  const buffer = new Uint8Array(1_048_576);
  for (let read; (read = source.readSync(buffer)) !== null;) {
    for (let done = 0; done < read;) done += target.writeSync(buffer.subarray(done, read));
  }
  Deno.chmodSync(to, 0o755); // whatever the umask is
}
