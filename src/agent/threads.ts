// Runs in: main thread.
import { pause } from "../shared/time.ts";

/** The counter of the process, from which Deno names the threads, as far as it is known; hence one for the whole process. */
let startedWorkers = 0;

/** Starts a worker and learns the name of its thread, so that it can be seen whether the thread has really ended. */
export function startThread(module: string, options: WorkerOptions): { worker: Worker; threadName: string } {
  const worker = new Worker(module, options);
  startedWorkers = newestThread(startedWorkers + 1);
  return { worker, threadName: `worker-${startedWorkers}` };
}

/** Workers that a procedure starts by itself are counted by Deno, too. @param least the number when there are none */
function newestThread(least: number): number {
  const numbers = (threadStats() ?? []).map((line) => Number(/\(worker-(\d+)\)/.exec(line)?.[1] ?? 0));
  return Math.max(least, ...numbers);
}

/**
 * A terminated thread that has used this much processor time since is spinning and will not be stopped, in milliseconds:
 * one that only waits for its turn on a busy machine uses none, and taking one apart that has loaded much takes up to a
 * quarter of a second. Deno before 2.7 stops a spinning thread after two seconds.
 */
const SPINNING_MS = Number(/^2\.(\d+)\./.exec(Deno.version.deno)?.[1] ?? Infinity) < 7 ? 3000 : 500;
/** Longest wait for a thread that does not spin, in milliseconds. */
const END_LIMIT_MS = 10_000;
/** The kernel counts processor time in ticks of this length. */
const TICK_MS = 10;

/**
 * Waits until a terminated worker's thread is gone.
 *
 * @returns false when the runtime cannot stop it, or nobody can see whether it has ended; true also where the system
 * shows no threads at all.
 */
export async function threadEnds(threadName: string): Promise<boolean> {
  const startMs = processorMs(threadName);
  const deadlineMs = performance.now() + END_LIMIT_MS;
  for (let usedMs = startMs; usedMs !== undefined; usedMs = processorMs(threadName)) {
    if (usedMs - startMs! > SPINNING_MS || performance.now() > deadlineMs) return false;
    await pause(10);
  }
  return true;
}

/** The processor time that a thread of this process has used; undefined when there is none of that name, NaN when that cannot be seen. */
function processorMs(threadName: string): number | undefined {
  const stats = threadStats();
  if (stats === undefined) return NaN;
  const stat = stats.find((line) => line.includes(`(${threadName})`));
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime, see proc(5)
}

/**
 * A line per thread of this process, as proc(5) describes `stat`; Deno calls its n-th worker's thread `worker-n`. None
 * where there is no such list; undefined when it cannot be read just now.
 */
function threadStats(): string[] | undefined {
  try {
    return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => statOf(name) ?? []);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? [] : undefined;
  }
}

/** Undefined for a thread that has ended just now. */
function statOf(thread: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${thread}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || /No such process/.test((error as Error).message)) {
      return undefined;
    }
    throw error;
  }
}
