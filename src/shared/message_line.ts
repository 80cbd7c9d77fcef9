// Runs in: any thread.
import type { Variant } from "./message.ts";

/** A committed message. */
export interface Row {
  id: number;
  variant: Variant;
  /** Unix milliseconds, when the sender handed it over, as its clock said. */
  time_ms: number;
  /** The kernel's boot and the time since it, while the clock was not known to be right; else null. */
  boot: string | null;
  monotonic_ms: number | null;
  /** JSON text of `message_body`. */
  body: string;
}

/** A row of the outbox. */
export interface OutboxRow extends Row {
  /** UTC day of storing: names the daily file. */
  day: string;
}

/** A row that was just stored, with the name of who sent it. */
export interface NewRow extends OutboxRow {
  origin: string;
}

/**
 * One line of a daily file, with its line end. A message from before the clock was right also carries its boot and the
 * milliseconds since it, so that its time can be put right later; the file itself is never rewritten.
 */
export function formatLine({ id, time_ms: timeMs, boot, monotonic_ms: monotonicMs, body }: Row): string {
  const clock = boot === null ? "" : `"boot":${JSON.stringify(boot)},"monotonic_ms":${monotonicMs},`;
  return `{"id":${id},"timestamp":${timeMs / 1000},${clock}"message_body":${body}}\n`;
}

/** The row that a line was written from; undefined when the line is damaged. */
export function parseLine(line: string): Row | undefined {
  try {
    const { id, timestamp, boot = null, monotonic_ms = null, message_body } = JSON.parse(line);
    const variant: unknown = message_body.variant;
    if (!Number.isInteger(id) || typeof timestamp !== "number") return undefined;
    if (variant !== "data" && variant !== "log" && variant !== "config") return undefined;
    return {
      id,
      variant,
      time_ms: Math.round(timestamp * 1000),
      boot,
      monotonic_ms,
      body: JSON.stringify(message_body),
    };
  } catch {
    return undefined;
  }
}

/** The id that a line begins with, without parsing the rest; undefined when it is damaged. */
export function idOfLine(line: string): number | undefined {
  const digits = /^\{"id":(\d+),/.exec(line)?.[1];
  return digits === undefined || !line.endsWith("}") ? undefined : Number(digits);
}
