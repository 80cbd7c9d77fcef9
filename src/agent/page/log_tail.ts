// Runs in: main thread.
import { join } from "@std/path";
import { parseEntry } from "../log_format.ts";
import type { LogEntryJson } from "./api.ts";
import { logEntryJson } from "./log_ring.ts";

/** How much of the newest days is read. */
const TAIL_BYTES = 1_000_000;
const MAX_DAYS = 3;

/** The last entries of the daily log files, oldest first: what happened before the page was started. */
export async function readLogTail(directory: string): Promise<LogEntryJson[]> {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const days = names.filter((name) => /^\d{4}-\d\d-\d\d\.log$/.test(name)).sort().slice(-MAX_DAYS);
  let left = TAIL_BYTES;
  let entries: LogEntryJson[] = [];
  for (const day of days.reverse()) {
    if (left <= 0) break;
    const text = await readEnd(join(directory, day), left);
    left -= text.length;
    entries = [...parseEntries(text), ...entries];
  }
  return entries;
}

async function readEnd(path: string, maxBytes: number): Promise<string> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  await file.seek(Math.max(0, size - maxBytes), Deno.SeekMode.Start);
  const bytes = new Uint8Array(Math.min(size, maxBytes));
  let filled = 0;
  for (let count: number | null = 0; filled < bytes.length && count !== null; filled += count ?? 0) {
    count = await file.read(bytes.subarray(filled));
  }
  return new TextDecoder().decode(bytes.subarray(0, filled));
}

/** Lines that are indented belong to the entry above them. */
function parseEntries(text: string): LogEntryJson[] {
  const entries: { entry: NonNullable<ReturnType<typeof parseEntry>>; details: string[] }[] = [];
  for (const line of text.split("\n")) {
    const entry = parseEntry(line);
    if (entry !== undefined) entries.push({ entry, details: [] });
    else if (line !== "") entries.at(-1)?.details.push(line.replace(/^ {4}/, ""));
  }
  return entries.map(({ entry, details }) => logEntryJson({ ...entry, details: details.join("\n") }));
}
