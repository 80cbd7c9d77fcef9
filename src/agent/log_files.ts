// Runs in: main thread.
import { join } from "@std/path";

const DAY_MS = 86_400_000;

/** The days of which there is a log, oldest first. */
export function logDays(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)]
      .map(({ name }) => /^(\d{4}-\d\d-\d\d)\.log$/.exec(name)?.[1])
      .filter((day) => day !== undefined).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/**
 * Removes logs that are older than `retentionDays` (null = keep all).
 *
 * @returns the days that were removed.
 */
export function removeOldLogs(directory: string, retentionDays: number | null, nowMs: number): string[] {
  if (retentionDays === null) return [];
  const oldest = new Date(nowMs - retentionDays * DAY_MS).toISOString().slice(0, 10);
  const old = logDays(directory).filter((day) => day < oldest);
  for (const day of old) Deno.removeSync(join(directory, `${day}.log`));
  return old;
}
