// Runs in: main thread.
import { pause, withLimit } from "../shared/time.ts";
import { diskError } from "./errors.ts";

/** How long another process may hold the lock just to look at it, in milliseconds. */
const LOOK_LIMIT_MS = 300;
/** On a busy machine a lock that nobody holds may take longer to get; so often it is tried. */
const TRIES = 20;

/** The lock that makes an agent the only one of its root; the kernel releases it however the process ends. */
export interface RunLock {
  release(): void;
}

/**
 * Takes the lock and writes this process's PID into its file.
 *
 * @returns the lock, or the PID of the process that holds it (undefined when the file does not say).
 * @throws {CommandError} when the file cannot be written.
 */
export async function takeRunLock(path: string): Promise<{ lock: RunLock } | { holder: number | undefined }> {
  try {
    const file = await openLocked(path);
    if (file === undefined) return { holder: readPid(path) };
    const bytes = new TextEncoder().encode(`${Deno.pid}\n`);
    file.writeSync(bytes); // over what a crash left, which on a full disk takes no new space
    file.truncateSync(bytes.length);
    return { lock: { release: () => file.close() } };
  } catch (error) {
    throw diskError(`take the lock ${path}`, error);
  }
}

/** @returns undefined when another process holds the lock. */
async function openLocked(path: string): Promise<Deno.FsFile | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o644 });
    if (await locks(file, { exclusive: true, limitMs: LOOK_LIMIT_MS })) return file;
    if (lockHolders(path)?.length !== 0) return undefined;
  }
  return undefined;
}

/** The PID of the agent that runs on this root, or undefined when none does. */
export async function runningPid(path: string): Promise<number | undefined> {
  if (await lockIsFree(path, LOOK_LIMIT_MS / 6)) return undefined;
  const isLate = lockHolders(path)?.length === 0; // held by nobody that the kernel shows: the machine is busy
  return isLate && await lockIsFree(path, TRIES * LOOK_LIMIT_MS) ? undefined : readPid(path);
}

/** Resolves when nobody holds the lock (any more); false when that takes longer than `limitMs`. */
export async function lockIsFree(path: string, limitMs: number): Promise<boolean> {
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
 * The PID of the process that holds the lock. What the file says may be left from a crash, and its PID be a stranger's
 * by now, until the new holder has written its own; so the kernel's word counts where it has one.
 */
function readPid(path: string): number | undefined {
  const holders = lockHolders(path) ?? [];
  const written = Number.parseInt(Deno.readTextFileSync(path), 10);
  if (holders.length > 0 && !holders.includes(written)) return holders[0];
  return Number.isInteger(written) && written > 0 ? written : undefined;
}

/**
 * Who holds the file by the kernel's list, whose lines are `1: FLOCK ADVISORY WRITE 4711 08:01:131092 0 EOF`; undefined
 * where there is none.
 */
function lockHolders(path: string): number[] | undefined {
  try {
    const { ino } = Deno.statSync(path);
    const lines = Deno.readTextFileSync("/proc/locks").matchAll(
      /FLOCK +ADVISORY +WRITE +(\d+) +\w+:\w+:(\d+) /g,
    );
    return [...lines].filter(([, , inode]) => Number(inode) === ino).map(([, pid]) => Number(pid));
  } catch {
    return undefined; // not Linux
  }
}
