// Runs in: main thread.
import { stringify } from "csv-stringify/sync";
import { CommandError, EXIT } from "../agent/errors.ts";
import { replaceFileBy } from "../agent/files.ts";
import type { StoreAccess } from "../agent/store_access.ts";
import { type Variant, VARIANTS } from "../shared/message.ts";
import { linesOfDay, messageDays } from "../shared/message_files.ts";
import { parseLine, type Row } from "../shared/message_line.ts";
import { didYouMean } from "../shared/nearest.ts";
import { utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { createProgress } from "./progress.ts";
import { parseTime } from "./time_words.ts";

const FORMATS = ["jsonl", "csv"];
const EXPORTING = "exporting";
const DAY_MS = 86_400_000;
/** How many messages are written at once: enough to be fast, few enough that the text is short-lived. */
const BATCH = 100;

interface Wish {
  fromMs: number;
  toMs: number;
  format: string;
  variant: Variant | undefined;
  keys: string[] | undefined;
}

/** A message whose time has been put right. */
interface Found {
  row: Row;
  timestamp: number;
  body: Record<string, unknown>;
}

/** `ivy messages export`: streams the daily files, so that their size does not matter. */
export async function exportMessages(
  directory: string,
  store: StoreAccess,
  context: CommandContext,
): Promise<void> {
  const wish = readWish(context.flags);
  const corrections = new Map(
    (await store.request({ kind: "corrections" })).map(({ boot, bootedMs }) => [boot, bootedMs]),
  );
  const days = daysToRead(directory, wish, corrections.size > 0);
  const read = (what: string) => readMessages(directory, days, wish, corrections, context, what);
  await withOutput(context.flags["output"] as string | undefined, context, async (write) => {
    const keys = wish.format === "csv" ? wish.keys ?? await collectKeys(read("looking for keys")) : [];
    if (wish.format === "csv") write(csvLines([["id", "timestamp", ...keys]]));
    for await (const batch of batches(read(EXPORTING))) {
      const isCsv = wish.format === "csv";
      write(isCsv ? csvText(keys, batch) : batch.map((found) => jsonLine(found, wish.keys)).join(""));
    }
  });
}

function readWish(flags: CommandContext["flags"]): Wish {
  const format = (flags["format"] ?? "jsonl") as string;
  const variant = (flags["variant"] ?? (format === "csv" ? "data" : undefined)) as Variant | undefined;
  check("format", format, FORMATS);
  if (variant !== undefined) check("variant", variant, VARIANTS);
  const nowMs = Date.now();
  return {
    format,
    variant,
    fromMs: parseTime("from", flags["from"] as string | undefined, nowMs) ?? -Infinity,
    toMs: parseTime("to", flags["to"] as string | undefined, nowMs) ?? Infinity,
    keys: (flags["keys"] as string | undefined)?.split(",").map((key) => key.trim()),
  };
}

function check(flag: string, word: string, allowed: readonly string[]): void {
  if (allowed.includes(word)) return;
  const hint = didYouMean(word, allowed);
  throw new CommandError(`--${flag} ${word}: expected ${allowed.join(" or ")}${hint}`, EXIT.wrongUsage);
}

/** A file holds what was stored that day, measured a little earlier; if a clock was wrong, any file may hold any time. */
function daysToRead(directory: string, { fromMs, toMs }: Wish, anyDay: boolean): string[] {
  const first = Number.isFinite(fromMs) ? utcDay(fromMs - DAY_MS) : "";
  const last = Number.isFinite(toMs) ? utcDay(toMs + DAY_MS) : "9";
  return messageDays(directory).filter((day) => anyDay || (day >= first && day <= last));
}

async function* readMessages(
  directory: string,
  days: string[],
  wish: Wish,
  corrections: Map<string, number>,
  { out }: CommandContext,
  what: string,
): AsyncGenerator<Found, void, void> {
  const progress = createProgress(what, days.length);
  let damaged = 0;
  for (const [index, day] of days.entries()) {
    progress.show(index);
    for await (const line of linesOfDay(directory, day)) {
      const row = parseLine(line);
      if (row === undefined) damaged++;
      else if (isWanted(row, wish, corrections)) {
        yield { row, timestamp: correctedMs(row, corrections) / 1000, body: JSON.parse(row.body) };
      }
    }
  }
  progress.end();
  if (damaged > 0 && what === EXPORTING) out.note(`ivy: ${damaged} damaged lines were skipped`);
}

function isWanted(row: Row, { fromMs, toMs, variant }: Wish, corrections: Map<string, number>): boolean {
  const timeMs = correctedMs(row, corrections);
  return timeMs >= fromMs && timeMs < toMs && (variant === undefined || row.variant === variant);
}

function correctedMs(
  { time_ms: timeMs, boot, monotonic_ms: monotonicMs }: Row,
  corrections: Map<string, number>,
): number {
  const bootedMs = boot === null ? undefined : corrections.get(boot);
  return bootedMs === undefined || monotonicMs === null ? timeMs : bootedMs + monotonicMs;
}

function jsonLine({ row, timestamp, body }: Found, keys: string[] | undefined): string {
  const data = body["data"] as Record<string, unknown> | undefined;
  const shown = keys === undefined || data === undefined ? body : { ...body, data: pick(data, keys) };
  return `${JSON.stringify({ id: row.id, timestamp, message_body: shown })}\n`;
}

function pick(data: Record<string, unknown>, keys: string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => key in data).map((key) => [key, data[key]]));
}

/** The columns of one message: a measurement's keys, or the fields of another variant. */
function columnsOf({ body }: Found): Record<string, unknown> {
  const { variant, data, ...rest } = body;
  return variant === "data" ? data as Record<string, unknown> : rest;
}

async function collectKeys(messages: AsyncIterable<Found>): Promise<string[]> {
  const keys = new Set<string>();
  for await (const found of messages) for (const key of Object.keys(columnsOf(found))) keys.add(key);
  return [...keys];
}

/** RFC 4180: a header, one column per key, lines end with CR LF. */
function csvText(keys: string[], batch: Found[]): string {
  const rows = batch.map((found) => {
    const columns = columnsOf(found);
    return [found.row.id, found.timestamp, ...keys.map((key) => columns[key])];
  });
  return csvLines(rows);
}

function csvLines(rows: unknown[][]): string {
  return stringify(rows, { record_delimiter: "windows", cast: CELL_TEXT });
}

async function* batches(messages: AsyncIterable<Found>): AsyncGenerator<Found[], void, void> {
  let batch: Found[] = [];
  for await (const found of messages) {
    if (batch.push(found) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** `true` and `false` as words; anything nested as JSON. */
const CELL_TEXT = { boolean: String, object: (value: object) => JSON.stringify(value) };

/** Writes to stdout, to a pipe or device, or to a file, which is there whole or as it was before. */
async function withOutput(
  path: string | undefined,
  { out }: CommandContext,
  work: (write: (text: string) => void) => Promise<void>,
): Promise<void> {
  if (path === undefined) return await work((text) => out.write(text));
  const isFile = leadsToFile(path);
  if (isFile === false) {
    using file = Deno.openSync(path, { write: true });
    return await work(writerOf(file));
  }
  const target = isFile === undefined ? path : Deno.realPathSync(path); // a link stays one
  await replaceFileBy(target, (file) => work(writerOf(file)));
}

/** Whether there is a file at a path; undefined when there is nothing. */
function leadsToFile(path: string): boolean | undefined {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function writerOf(file: Deno.FsFile): (text: string) => void {
  const encoder = new TextEncoder();
  return (text) => {
    for (let bytes = encoder.encode(text); bytes.length > 0;) bytes = bytes.subarray(file.writeSync(bytes));
  };
}
