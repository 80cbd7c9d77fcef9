// Runs in: main thread.
import { dirname, join } from "@std/path";
import { pause, withLimit } from "../shared/time.ts";
import { diskError } from "./errors.ts";
import { readIfThere } from "./files.ts";
import { exists, type Paths } from "./paths.ts";

/** How long another process may hold the lock just to look at it, in milliseconds. */
const LOOK_LIMIT_MS = 300;
/** On a busy machine a lock that nobody holds may take longer to get; so often it is tried. */
const TRIES = 20;

type LockPaths = Pick<Paths, "root" | "data" | "lockFile">;

/**
 * Makes this process the only one of a root: locks the root folder itself, which nobody can remove or replace under a
 * running agent without that being the end of its root. An agent of version 0.1 locks `data/run.lock`, so that is taken
 * as well where it is. The kernel releases both however the process ends.
 *
 * @returns the lock, or the PID of the process that holds it (undefined when nothing says).
 * @throws {CommandError} when there is no such folder, or it cannot be locked.
 */
export async function takeRunLock(
  paths: LockPaths,
): Promise<{ lock: RunLock } | { holder: number | undefined }> {
  try {
    const root = await lockedInTime(paths.root, () => Deno.open(paths.root));
    if (root === undefined) return { holder: holderOf(paths.root, paths) };
    const lock = new RunLock(paths, root);
    const busy = await lock.takeEarlier();
    if (busy === undefined) return { lock };
    lock.release();
    return { holder: holderOf(busy, paths) };
  } catch (error) {
    throw diskError(`take the lock ${paths.root}`, error);
  }
}

/** The lock of a root, and the files that tell its holder's PID. */
export class RunLock {
  #paths: LockPaths;
  #root: Deno.FsFile;
  /** By their paths; locked, too. */
  #files = new Map<string, Deno.FsFile>();

  constructor(paths: LockPaths, root: Deno.FsFile) {
    this.#paths = paths;
    this.#root = root;
  }

  /** False when the root was removed, renamed or replaced: what the paths name belongs to somebody else by now. */
  get holdsRoot(): boolean {
    return leadsTo(this.#paths.root, this.#root);
  }

  /** Takes what an agent of version 0.1 would hold. @returns its path when somebody else does. */
  async takeEarlier(): Promise<string | undefined> {
    const path = earlierLock(this.#paths);
    return path === undefined || await this.#take(path) ? undefined : path;
  }

  /**
   * Writes this process's PID where the launcher and commands look for it; makes again what was removed or replaced.
   *
   * @returns what was made again.
   * @throws when it cannot be; the lock holds all the same.
   */
  async tellPid(): Promise<string[]> {
    const made: string[] = [];
    for (const path of new Set([this.#paths.lockFile, ...this.#files.keys()])) {
      const held = this.#files.get(path);
      if (held !== undefined && leadsTo(path, held)) continue;
      held?.close();
      this.#files.delete(path);
      Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (!await this.#take(path)) throw new Error(`another process holds ${path}`);
      if (held !== undefined) made.push(path);
    }
    return made;
  }

  release(): void {
    for (const file of [...this.#files.values(), this.#root]) file.close();
  }

  async #take(path: string): Promise<boolean> {
    const file = await lockedInTime(path, () => Promise.resolve(openPlain(path)));
    if (file === undefined) return false;
    this.#files.set(path, file);
    const bytes = new TextEncoder().encode(`${Deno.pid}\n`);
    file.writeSync(bytes); // over what a crash left, which on a full disk takes no new space
    file.truncateSync(bytes.length);
    return true;
  }
}

/** Where an agent of version 0.1 holds its lock; undefined where none has ever run. What else lies there is no lock. */
function earlierLock({ data }: LockPaths): string | undefined {
  const path = join(data, "run.lock");
  return exists(path) && Deno.lstatSync(path).isFile ? path : undefined;
}

/** Opens a file to write to, or makes it; never one that a link leads to. */
function openPlain(path: string): Deno.FsFile {
  const isNew = !exists(path);
  const file = Deno.openSync(path, { read: true, write: true, createNew: isNew, mode: 0o644 });
  if (leadsTo(path, file)) return file;
  file.close();
  throw new Error(`${path} is a link: remove it`);
}

/** Whether a path is, by itself, the file or folder that was opened. */
export function leadsTo(path: string, opened: Deno.FsFile): boolean {
  if (!exists(path)) return false;
  const [named, { dev, ino }] = [Deno.lstatSync(path), opened.statSync()];
  return named.dev === dev && named.ino === ino;
}

/** @returns undefined when another process holds the lock. */
async function lockedInTime(
  path: string,
  open: () => Promise<Deno.FsFile>,
): Promise<Deno.FsFile | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const file = await open();
    if (await locks(file, { exclusive: true, limitMs: LOOK_LIMIT_MS })) return file;
    if (lockHolders(path)?.length !== 0) return undefined;
  }
  return undefined;
}

/** The PID of the agent that runs on this root, also of one of version 0.1; undefined when none does. */
export async function runningPid(paths: LockPaths): Promise<number | undefined> {
  for (const path of lockedPaths(paths)) {
    if (await isFree(path, LOOK_LIMIT_MS / 6)) continue;
    const isLate = lockHolders(path)?.length === 0; // held by nobody that the kernel shows: the machine is busy
    if (isLate && await isFree(path, TRIES * LOOK_LIMIT_MS)) continue;
    return holderOf(path, paths);
  }
  return undefined;
}

/** Resolves when nobody holds the lock (any more); false when that takes longer than `limitMs`. */
export async function lockIsFree(paths: LockPaths, limitMs: number): Promise<boolean> {
  const free = await Promise.all(lockedPaths(paths).map((path) => isFree(path, limitMs)));
  return free.every((isFree) => isFree);
}

function lockedPaths(paths: LockPaths): string[] {
  const earlier = earlierLock(paths);
  return earlier === undefined ? [paths.root] : [paths.root, earlier];
}

async function isFree(path: string, limitMs: number): Promise<boolean> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return true;
    throw error;
  }
  const isFree = await locks(file, { exclusive: false, limitMs }); // many may look at once
  if (isFree) file.close();
  return isFree;
}

interface LockOptions {
  exclusive: boolean;
  limitMs: number;
}

/** Tries to lock the file, and closes it when that takes too long. */
async function locks(file: Deno.FsFile, { exclusive, limitMs }: LockOptions): Promise<boolean> {
  const withTry = file as Deno.FsFile & { tryLock?(exclusive: boolean): Promise<boolean> };
  if (withTry.tryLock === undefined) return await locksInTime(file, { exclusive, limitMs });
  for (const deadlineMs = performance.now() + limitMs;;) {
    if (await withTry.tryLock(exclusive)) return true;
    if (performance.now() > deadlineMs) break;
    await pause(10);
  }
  file.close();
  return false;
}

/** For Deno before 2.9, which can only wait for a lock: one that comes too late is let go of at once. */
async function locksInTime(file: Deno.FsFile, { exclusive, limitMs }: LockOptions): Promise<boolean> {
  let isLate = false;
  const locked = file.lock(exclusive).then(() => {
    if (isLate) file.close();
    return true;
  });
  isLate = !await withLimit(locked, limitMs, false);
  return !isLate;
}

/**
 * The PID of the process that holds a lock. What a file says may be left from a crash, and its PID be a stranger's by
 * now, until the new holder has written its own; so the kernel's word counts where it has one.
 */
function holderOf(path: string, { root, lockFile }: LockPaths): number | undefined {
  const holders = lockHolders(path) ?? [];
  const written = Number.parseInt(readIfThere(path === root ? lockFile : path) ?? "", 10);
  if (holders.length > 0 && !holders.includes(written)) return holders[0];
  return Number.isInteger(written) && written > 0 ? written : undefined;
}

/**
 * Who holds a file by the kernel's list, whose lines are `1: FLOCK ADVISORY WRITE 4711 08:01:131092 0 EOF`; undefined
 * where there is none. Some file systems (btrfs, overlay) tell another device there than here.
 */
function lockHolders(path: string): number[] | undefined {
  try {
    const { ino, dev } = Deno.statSync(path);
    const lines = Deno.readTextFileSync("/proc/locks").matchAll(
      /FLOCK +ADVISORY +WRITE +(\d+) +(\w+:\w+):(\d+) /g,
    );
    const byInode = [...lines].filter(([, , , inode]) => Number(inode) === ino);
    const exact = byInode.filter(([, , device]) => device === deviceName(dev));
    return (exact.length > 0 ? exact : byInode).map(([, pid]) => Number(pid));
  } catch {
    return undefined; // not Linux
  }
}

/** `fe:00`, as the kernel writes a device's number. */
function deviceName(dev: number): string {
  const hex = (number: number) => number.toString(16).padStart(2, "0");
  return `${hex((dev >>> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >>> 12) & 0xfff00))}`;
}
