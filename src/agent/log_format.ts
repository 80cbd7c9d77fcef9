// Runs in: main thread.
import { bold, dim, red, yellow } from "@std/fmt/colors";
import type { LogEntry } from "../shared/protocol.ts";
import type { Level } from "../shared/message.ts";
import { visibleText } from "../shared/text.ts";

/**
 * One line per entry (`2026-11-22T12:00:00.123Z INFO      random_walk  started`), details in an indented block under
 * it. The time is UTC, as the Z says.
 */
export function formatEntry(entry: LogEntry, colour = false): string {
  const time = new Date(entry.timeMs).toISOString();
  const level = entry.level.padEnd(9);
  const subject = visibleText(entry.subject);
  const block = entry.details.trimEnd().split("\n").map((line) => `    ${visibleText(line)}\n`).join("");
  const details = entry.details === "" ? "" : block;
  if (!colour) return `${time} ${level} ${entry.origin}  ${subject}\n${details}`;
  return `${dim(time)} ${paint(entry.level, level)} ${bold(entry.origin)}  ${subject}\n${dim(details)}`;
}

/** What {@link formatEntry} wrote, taken apart; undefined for a line of a details block. */
export function parseEntry(
  line: string,
): { timeMs: number; level: Level; origin: string; subject: string } | undefined {
  const match = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (DEBUG|INFO|WARNING|ERROR|EXCEPTION) +(\S+) {2}(.*)$/.exec(line);
  if (match === null) return undefined;
  const [, time, level, origin, subject] = match;
  return { timeMs: Date.parse(time!), level: level as Level, origin: origin!, subject: subject! };
}

function paint(level: Level, text: string): string {
  switch (level) {
    case "DEBUG":
      return dim(text);
    case "INFO":
      return text;
    case "WARNING":
      return yellow(text);
    case "ERROR":
    case "EXCEPTION":
      return red(text);
    default:
      return level satisfies never;
  }
}
