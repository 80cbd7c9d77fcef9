// Runs in: main thread.
import { dirname, resolve } from "@std/path";
import type { LockOrder } from "../shared/protocol.ts";
import type { WorkerPermissions } from "../shared/registry.ts";
import type { LockMeans } from "./lock_means.ts";
import { NAME_FILES } from "./name_files.ts";

/** What keeps a worker's thread, besides Deno's permissions, from opening files. */
export interface WorkerLock {
  /**
   * `deno`: from source Deno's module loader asks for permission itself. `none`: in a compiled program it does not, and
   * this worker reads every file that Ivy's user may read. `failed`: so does this one, and it should not.
   */
  kind: "seccomp" | "landlock" | "deno" | "none" | "failed";
  /** What the lock leaves open, or why there is none. */
  detail: string;
}

/**
 * The lock for a worker with these permissions. Every thread that is locked at all sends no signals: Deno lets everybody
 * end its own process by one. In a compiled program Deno's module loader reads every file that an
 * `import()` names without asking for a permission; whoever runs from source is asked by it.
 *
 * @param means undefined when the program runs from source
 * @returns the order for the worker's thread, with what will then be true of it; no order = it gets no lock
 */
export function chooseLock(
  permissions: WorkerPermissions,
  means: LockMeans | undefined,
): { order?: LockOrder; lock: WorkerLock } {
  const outside = powersOutside(permissions);
  if (means === undefined) {
    const lock: WorkerLock = { kind: "deno", detail: "runs from source" };
    return outside === undefined ? { order: { kind: "signals" }, lock } : { lock };
  }
  if (outside !== undefined) return { lock: { kind: "none", detail: outside } };
  const noLock = (detail: string) => {
    const lock: WorkerLock = { kind: "none", detail };
    return means.hasSeccomp ? { order: { kind: "signals" } as const, lock } : { lock };
  };
  const folders = foldersOf(permissions);
  const powers = powersOf(permissions, folders);
  if (powers !== undefined) return noLock(powers);
  const names = needsNames(permissions);
  if (folders.length === 0 && means.hasSeccomp && (!names || means.namePaths !== undefined)) {
    const order: LockOrder = { kind: "seccomp", allowedPaths: names ? means.namePaths! : [] };
    return {
      order,
      lock: { kind: "seccomp", detail: names ? "opens only what names are resolved with" : "opens no file" },
    };
  }
  if (means.landlockVersion < LEAST_LANDLOCK) {
    const need = folders.length > 0 ? "may read files" : names ? "resolves names" : "may read no file";
    return noLock(`this machine has no lock for a worker that ${need}`);
  }
  const order: LockOrder = { kind: "landlock", folders, files: names ? NAME_FILES.map(realPath) : [] };
  const below = folders.length > 0 ? `reads only below ${folders.join(" and ")}` : "reads no file";
  return {
    order,
    lock: { kind: "landlock", detail: names ? `${below}, and what names are resolved with` : below },
  };
}

/** Before it, Landlock kept files from being moved between folders, whatever the rules. */
const LEAST_LANDLOCK = 2;
/** Facts about the system that Deno knows without opening a file. */
const FACTS_WITHOUT_FILES = [
  "gid",
  "hostname",
  "loadavg",
  "networkInterfaces",
  "osUptime",
  "statfs",
  "uid",
];

/** What the worker may do that no lock of its thread would hold, as a sentence; undefined when there is nothing. */
function powersOutside({ run, ffi }: WorkerPermissions): string | undefined {
  if (isGranted(run)) return "it may start programs, which no sandbox holds";
  if (isGranted(ffi)) return "it may load native libraries, which no sandbox holds";
  return undefined;
}

/** What the worker may do and no thread could that opens no files, as a sentence; undefined when there is nothing. */
function powersOf({ sys, read, write }: WorkerPermissions, folders: string[]): string | undefined {
  if (read === true || write === true || folders.includes("/")) return "it may read every file";
  const facts = Array.isArray(sys) ? sys : isGranted(sys) ? ["everything"] : [];
  const fact = facts.find((name) => !FACTS_WITHOUT_FILES.includes(name));
  return fact === undefined ? undefined : `it may ask the system for ${fact}, which Deno reads from files`;
}

function isGranted(grant: boolean | string[] | undefined): boolean {
  return grant === true || (Array.isArray(grant) && grant.length > 0);
}

/** Numeric addresses need no resolving. */
function needsNames({ net }: WorkerPermissions): boolean {
  return net === true || (Array.isArray(net) && net.some((address) => !NUMERIC.test(address)));
}

const NUMERIC = /^(\d+\.\d+\.\d+\.\d+|\[[\da-fA-F:.%]+\])(:\d+)?$/;

/**
 * The folders of what may be read or written. A file stands for its folder, because files are replaced and Landlock
 * would know the old one only; what is not there yet stands for the folder that it will be made in.
 */
function foldersOf({ read, write }: WorkerPermissions): string[] {
  const paths = [read, write].flatMap((grant) => Array.isArray(grant) ? grant : []);
  return [...new Set(paths.flatMap((path) => [folderOf(resolve(path)), folderOf(realPath(resolve(path)))]))];
}

function folderOf(path: string): string {
  try {
    if (Deno.statSync(path).isDirectory) return Deno.realPathSync(path);
  } catch {
    // not there, or not for us to see
  }
  return folderOf(dirname(path));
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** The module that a locked worker starts with: it locks the thread, then loads the worker's own module. */
export function lockedModule(module: string, order: LockOrder): string {
  const imports = [import.meta.resolve("../runtime/lock.ts"), module].map((url) =>
    `import ${JSON.stringify(url)};`
  );
  return `data:text/javascript,${encodeURIComponent(imports.join(""))}#${
    encodeURIComponent(JSON.stringify(order))
  }`;
}
