// Runs in: main thread.
import { pause } from "../shared/time.ts";

/** Mirrors the counter of the process, from which Deno names the threads; hence one for the whole process. */
let startedWorkers = 0;

/** Starts a worker and learns the name of its thread, so that it can be seen whether the thread has really ended. */
export function startThread(module: string, options: WorkerOptions): { worker: Worker; threadName: string } {
  const worker = new Worker(module, options);
  return { worker, threadName: `worker-${++startedWorkers}` };
}

/**
 * How long a terminated thread may take to end before it counts as unstoppable, in milliseconds. Deno before 2.7 stops
 * a thread that spins after two seconds; from 2.7 on it ends at once or never.
 */
const END_LIMIT_MS = Number(/^2\.(\d+)\./.exec(Deno.version.deno)?.[1] ?? Infinity) < 7 ? 3000 : 300;

/**
 * Waits until a terminated worker's thread is gone.
 *
 * @returns false when the runtime cannot stop it; true also where the system does not show threads.
 */
export async function threadEnds(threadName: string): Promise<boolean> {
  const deadlineMs = performance.now() + END_LIMIT_MS;
  while (threadNames().includes(threadName)) {
    if (performance.now() > deadlineMs) return false;
    await pause(10);
  }
  return true;
}

/** The names of this process's threads; Deno calls its n-th worker's thread `worker-n`. Empty where unknown. */
function threadNames(): string[] {
  try {
    return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
      try {
        return [Deno.readTextFileSync(`/proc/self/task/${name}/comm`).trim()];
      } catch {
        return []; // ended between the two lines
      }
    });
  } catch {
    return []; // not Linux
  }
}
