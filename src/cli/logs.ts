// Runs in: main thread.
import { join } from "@std/path";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { formatEntry, parseEntry } from "../agent/log_format.ts";
import { logDays } from "../agent/log_files.ts";
import { pathsOf } from "../agent/paths.ts";
import { didYouMean } from "../shared/nearest.ts";
import { type Level, levelRank, LEVELS } from "../shared/message.ts";
import { utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import type { Output } from "./output.ts";
import { followedLines, linesOf } from "./text_lines.ts";
import { parseTime } from "./time_words.ts";

/** Which entries are wanted. */
interface Filter {
  level: Level;
  sinceMs: number;
  origin: string | undefined;
}

/** `ivy logs`: the log files of the root, filtered; works whether the agent runs or not. */
export default async function logs({ out, root, flags }: CommandContext): Promise<ExitStatus> {
  const { logs: directory } = pathsOf(root);
  const filter: Filter = {
    level: parseLevel(flags["level"] as string | undefined),
    sinceMs: parseTime("since", flags["since"] as string | undefined, Date.now()) ?? 0,
    origin: flags["origin"] as string | undefined,
  };
  const print = createPrinter(filter, out);
  const days = logDays(directory);
  if (days.length === 0) throw new CommandError(`there is no log in ${directory}; has Ivy ever run there?`);
  const wanted = chooseDays(days, flags["date"] as string | undefined, filter.sinceMs);
  for await (const line of chosenLines(directory, wanted, flags["follow"] === true)) {
    print(line);
    if (out.isClosed) break;
  }
  return EXIT.done;
}

/** The lines of some days, and, to follow, what is appended from now on, over midnight too, for ever. */
async function* chosenLines(directory: string, days: string[], follow: boolean): AsyncGenerator<string> {
  const newest = () => logDays(directory).at(-1)!;
  const last = newest();
  for (const day of days) {
    if (!follow || day !== last) yield* linesOf(join(directory, `${day}.log`));
  }
  if (!follow) return;
  const from = days.includes(last) ? "start" : "end";
  yield* followedLines({ directory, currentFile: () => join(directory, `${newest()}.log`), from });
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

/** Prints the lines of wanted entries; a line of a details block goes with its entry. */
function createPrinter(filter: Filter, out: Output): (line: string) => void {
  let wanted = false;
  return (line) => {
    const entry = parseEntry(line);
    if (entry === undefined) {
      if (wanted) out.print(line);
      return;
    }
    wanted = levelRank(entry.level) >= levelRank(filter.level) && entry.timeMs >= filter.sinceMs &&
      (filter.origin === undefined || filter.origin === entry.origin);
    if (wanted) out.print(formatEntry({ ...entry, details: "" }, out.colour).trimEnd());
  };
}

function parseLevel(text: string | undefined): Level {
  const level = (text ?? "DEBUG").toUpperCase();
  if ((LEVELS as readonly string[]).includes(level)) return level as Level;
  throw new CommandError(
    `--level ${text}: expected ${LEVELS.join(", ")}${didYouMean(level, LEVELS)}`,
    EXIT.wrongUsage,
  );
}
