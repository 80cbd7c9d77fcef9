// Runs in: main thread.
import { join } from "@std/path";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { formatEntry, parseEntry } from "../agent/log_format.ts";
import { logDays, logParts } from "../agent/log_files.ts";
import { pathsOf } from "../agent/paths.ts";
import { didYouMean } from "../shared/nearest.ts";
import { type Level, LEVELS } from "../shared/message.ts";
import { utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { blocksOf } from "./log_blocks.ts";
import { createLogFilter, type LogWish } from "./log_filter.ts";
import { followedLines } from "./text_lines.ts";
import { parseTime } from "./time_words.ts";

/** `ivy logs`: the log files of the root, filtered; works whether the agent runs or not. */
export default async function logs({ out, root, flags }: CommandContext): Promise<ExitStatus> {
  const { logs: directory } = pathsOf(root);
  const wish: LogWish = {
    level: parseLevel(flags["level"] as string | undefined),
    sinceMs: parseTime("since", flags["since"] as string | undefined, Date.now()) ?? 0,
    origin: flags["origin"] as string | undefined,
  };
  const days = logDays(directory);
  if (days.length === 0) throw new CommandError(`there is no log in ${directory}; has Ivy ever run there?`);
  const wanted = chooseDays(days, flags["date"] as string | undefined, wish.sinceMs);
  const pick = createLogFilter(wish);
  const shown = flags["follow"] === true
    ? followedText(directory, wanted, wish.sinceMs)
    : textOf(directory, wanted, wish.sinceMs);
  for await (const text of shown) {
    const lines = pick(text);
    if (lines !== "") out.print(out.colour ? paintEntries(lines) : lines.slice(0, -1));
    if (out.isClosed) break;
  }
  return EXIT.done;
}

/** The text of some days, in blocks of whole lines. */
async function* textOf(
  directory: string,
  days: string[],
  sinceMs: number,
): AsyncGenerator<string, void, void> {
  for (const day of days) {
    for (const part of logParts(directory, day)) {
      for await (const { text } of blocksOf(part, { sinceMs })) yield text;
    }
  }
}

/** The same, and what is appended from now on, over midnight too, for ever. */
async function* followedText(
  directory: string,
  days: string[],
  sinceMs: number,
): AsyncGenerator<string, void, void> {
  const currentFile = () => join(directory, `${logDays(directory).at(-1)}.log`);
  const path = currentFile();
  const parts = days.flatMap((day) => logParts(directory, day));
  let offset = 0;
  for (const part of parts) {
    const isLast = part.path !== path;
    for await (const { text, endOffset } of blocksOf(part, { sinceMs, isLast })) {
      if (!isLast) offset = endOffset;
      yield text;
    }
  }
  const isShown = parts.some((part) => part.path === path);
  const from = isShown ? { path, offset } : "end";
  for await (const line of followedLines({ directory, currentFile, from })) yield `${line}\n`;
}

/** Without any wish: today's. With --since: all days that may hold younger lines. */
function chooseDays(days: string[], date: string | undefined, sinceMs: number): string[] {
  if (date !== undefined) {
    if (days.includes(date)) return [date];
    throw new CommandError(`there is no log of "${date}"; there are ${days.join(", ") || "none"}`);
  }
  if (sinceMs > 0) return days.filter((day) => day >= utcDay(sinceMs));
  return days.slice(-1);
}

function paintEntries(lines: string): string {
  return lines.trimEnd().split("\n").map((line) => {
    const entry = parseEntry(line);
    return entry === undefined ? line : formatEntry({ ...entry, details: "" }, true).trimEnd();
  }).join("\n");
}

function parseLevel(text: string | undefined): Level {
  const level = (text ?? "DEBUG").toUpperCase();
  if ((LEVELS as readonly string[]).includes(level)) return level as Level;
  throw new CommandError(
    `--level ${text}: expected ${LEVELS.join(", ")}${didYouMean(level, LEVELS)}`,
    EXIT.wrongUsage,
  );
}
