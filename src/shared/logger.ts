// Runs in: any thread.
import { errorDetails, reportError } from "./errors.ts";
import type { Level } from "./message.ts";
import type { LogEntry } from "./protocol.ts";
import { cutText } from "./text.ts";
import { wellFormed } from "./well_formed.ts";

/** Longer texts are cut off, in UTF-16 code units. */
export const MAX_LOG_SUBJECT = 10_000;
export const MAX_LOG_DETAILS = 32_768;

/**
 * Writes log lines under one component's name. The subject is one line; `details` (any value, or an Error with its
 * causes) goes into the indented block under it.
 */
export interface Logger {
  /** For who looks for a fault. */
  debug(subject: string, details?: unknown): void;
  /** Worth knowing. */
  info(subject: string, details?: unknown): void;
  /** Somebody should look at it one day. */
  warning(subject: string, details?: unknown): void;
  /** Something does not work. */
  error(subject: string, details?: unknown): void;
  /** For a caught error: the line says what failed, the block holds the error and its chain of causes. */
  exception(subject: string, error: unknown): void;
}

/** A logger whose entries go to `emit`. */
export function createLogger(origin: string, emit: (entry: LogEntry) => void): Logger {
  const at = (level: Level) => (subject: string, details?: unknown) =>
    emit({
      level,
      origin,
      subject: wellFormed(cutText(oneLine(subject), MAX_LOG_SUBJECT)),
      details: wellFormed(cutText(detailsText(details), MAX_LOG_DETAILS)),
      timeMs: Date.now(),
    });
  return {
    debug: at("DEBUG"),
    info: at("INFO"),
    warning: at("WARNING"),
    error: at("ERROR"),
    exception: at("EXCEPTION"),
  };
}

/** A pattern that began with white space would be tried at each of a million spaces, up to the last of them. */
function oneLine(subject: string): string {
  const lines = String(subject).split(/\n\s*/);
  return lines.map((line, index) => index < lines.length - 1 ? line.trimEnd() : line).join(" ⏎ ");
}

function detailsText(details: unknown): string {
  if (details === undefined) return "";
  if (typeof details === "string") return details;
  if (details instanceof Error) return errorDetails(reportError(details));
  return Deno.inspect(details, { depth: 6, iterableLimit: 50, strAbbreviateSize: 1000 });
}
