// Runs in: tests.
import { until } from "./until.ts";

/** Ends at once every process whose program lies below a folder, be it somebody's child or not. */
export async function killBelow(folder: string): Promise<void> {
  const pids = processesBelow(folder);
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  await until(`${pids} have ended`, () => pids.every((pid) => !runs(pid)));
}

/** PIDs of the processes whose program lies below a folder. */
export function processesBelow(folder: string): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && programOf(pid)?.startsWith(`${folder}/`));
}

/** A process that only waits for its parent to notice its end does not run any more: it has no program. */
export function runs(pid: number): boolean {
  return programOf(pid) !== undefined;
}

function programOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // it has ended, or is another user's
  }
}
