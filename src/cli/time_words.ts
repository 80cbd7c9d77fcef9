// Runs in: main thread.
import { CommandError, EXIT } from "../agent/errors.ts";

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as a person writes it: `2h` (ago), `2026-11-22`, `2026-11-22T12:00` (UTC unless it says otherwise).
 *
 * @param flag The flag that it was given for, to be named in the error.
 * @returns Unix milliseconds; undefined when nothing was given.
 * @throws {CommandError}
 */
export function parseTime(flag: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return nowMs - Number(amount) * UNIT_MS[unit!]!;
  const hasZone = /[zZ]$|[+-]\d\d:?\d\d$/.test(text.slice(10));
  const timeMs = Date.parse(hasZone || text.length <= 10 ? text : `${text}Z`);
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new CommandError(
    `--${flag} ${text}: expected 90s, 30m, 2h, 7d or 2026-11-22T12:00 (UTC)`,
    EXIT.wrongUsage,
  );
}
