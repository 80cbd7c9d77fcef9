// Runs in: main thread.
import { join } from "@std/path";
import { modifiedMs } from "./files.ts";

const DAY_MS = 86_400_000;
/** `2026-11-22.log`, compressed `.log.gz`, and what log rotation makes of either: `.log.1`, `.log.2.gz`. */
const LOG_NAME = /^(\d{4}-\d\d-\d\d)\.log(?:\.(\d+))?(\.gz)?$/;

/** One of the files that a day's log lies in. */
export interface LogPart {
  path: string;
  isCompressed: boolean;
}

interface Named extends LogPart {
  day: string;
  /** How often it was rotated away; 0 = the file that is written to, or was last. */
  rotation: number;
}

/** The days of which there is a log, oldest first. */
export function logDays(directory: string): string[] {
  return [...new Set(logNames(directory).map(({ day }) => day))].sort();
}

/** The files of one day in the order of their lines: the more often rotated, the older; compressed before plain. */
export function logParts(directory: string, day: string): LogPart[] {
  const parts = logNames(directory).filter((part) => part.day === day);
  parts.sort((a, b) => b.rotation - a.rotation || Number(b.isCompressed) - Number(a.isCompressed));
  return parts.filter(({ path, isCompressed }) => isCompressed || !isPacked(path))
    .map(({ path, isCompressed }) => ({ path, isCompressed }));
}

/** A plain file that has not changed since it was compressed was only about to be removed. */
export function isPacked(path: string): boolean {
  const packedMs = modifiedMs(`${path}.gz`);
  return packedMs !== undefined && packedMs >= (modifiedMs(path) ?? 0);
}

/**
 * Removes logs that are older than `retentionDays` (null = keep all). Only a right clock may remove.
 *
 * @returns the days that were removed.
 */
export function removeOldLogs(
  directory: string,
  { retentionDays, clockIsTrusted, nowMs }: {
    retentionDays: number | null;
    clockIsTrusted: boolean;
    nowMs: number;
  },
): string[] {
  if (retentionDays === null || !clockIsTrusted) return [];
  const oldest = new Date(nowMs - retentionDays * DAY_MS).toISOString().slice(0, 10);
  const old = logNames(directory).filter(({ day }) => day < oldest);
  for (const { path } of old) Deno.removeSync(path);
  return [...new Set(old.map(({ day }) => day))].sort();
}

function logNames(directory: string): Named[] {
  try {
    return [...Deno.readDirSync(directory)].flatMap(({ name }) => {
      const [, day, rotation = "0", gz] = LOG_NAME.exec(name) ?? [];
      if (day === undefined) return [];
      return [{
        day,
        rotation: Number(rotation),
        isCompressed: gz !== undefined,
        path: join(directory, name),
      }];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
