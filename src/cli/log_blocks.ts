// Runs in: main thread.
import type { LogPart } from "../agent/log_files.ts";
import { sentenceOf } from "../shared/errors.ts";

/** The first block is small, so that the first lines come at once; then larger ones go faster, in bytes. */
const FIRST_BLOCK_BYTES = 65_536;
const BLOCK_BYTES = 1_048_576;
/** A clock that is put right makes lines stand out of order by this much at most, in milliseconds. */
const DISORDER_MS = 3_600_000;
/** How much is read to find a line with a time; a block of details may lie in between, in bytes. */
const PROBE_BYTES = 65_536;
const TIME = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) [A-Z]+ /m;
const NEWLINE = 10;

/** Some whole lines of a log, with their ends. */
export interface LogBlock {
  text: string;
  /** Where in a plain file they end, in bytes. */
  endOffset: number;
}

/**
 * The lines of one file in blocks. A last line without its end comes only when nobody will go on reading. A compressed
 * file that is damaged ends with a line that says so.
 *
 * @param sinceMs Older lines need not come; 0 = all.
 */
export async function* blocksOf(
  { path, isCompressed }: LogPart,
  { sinceMs = 0, isLast = true }: { sinceMs?: number; isLast?: boolean } = {},
): AsyncGenerator<LogBlock, void, void> {
  if (!isCompressed) return yield* plainBlocks(path, sinceMs, isLast);
  try {
    yield* cut(await gunzip(path), 0, true);
  } catch (error) {
    yield { text: `damaged: ${path}: ${sentenceOf(error)}\n`, endOffset: 0 };
  }
}

async function* plainBlocks(
  path: string,
  sinceMs: number,
  isLast: boolean,
): AsyncGenerator<LogBlock, void, void> {
  using file = Deno.openSync(path);
  const start = sinceMs === 0 ? 0 : findTime(file, sinceMs - DISORDER_MS);
  file.seekSync(start, Deno.SeekMode.Start);
  yield* cut((into) => file.readSync(into), start, isLast);
}

/** Fills a part of a buffer. @returns how many bytes it has put there; null at the end. */
type Read = (into: Uint8Array) => number | null | Promise<number | null>;

/** Cuts where lines end: decoding whole lines at once is fast, and never cuts a character. */
async function* cut(read: Read, start: number, isLast: boolean): AsyncGenerator<LogBlock, void, void> {
  const decoder = new TextDecoder();
  let buffer = new Uint8Array(FIRST_BLOCK_BYTES);
  let held = 0; // bytes of a line whose end is still to come, at the buffer's start
  let endOffset = start;
  for (let size; (size = await read(buffer.subarray(held))) !== null;) {
    const filled = buffer.subarray(0, held + size);
    const end = filled.lastIndexOf(NEWLINE) + 1;
    endOffset += end;
    if (end > 0) yield { text: decoder.decode(filled.subarray(0, end)), endOffset };
    held = filled.length - end;
    const needed = Math.max(BLOCK_BYTES, 2 * held);
    const next = needed > buffer.length ? new Uint8Array(needed) : buffer;
    next.set(filled.subarray(end));
    buffer = next;
  }
  if (!isLast || held === 0) return;
  yield { text: `${decoder.decode(buffer.subarray(0, held))}\n`, endOffset: endOffset + held };
}

async function gunzip(path: string): Promise<Read> {
  const [{ createReadStream }, { createGunzip }] = await Promise.all([
    import("node:fs"),
    import("node:zlib"),
  ]);
  const plain = createGunzip({ chunkSize: FIRST_BLOCK_BYTES }); // knows files of several members, unlike the web's
  createReadStream(path).on("error", (error) => plain.destroy(error)).pipe(plain);
  const chunks = (plain as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  return async (into) => {
    if (rest.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return null;
      rest = value;
    }
    const part = rest.subarray(0, into.length);
    into.set(part);
    rest = rest.subarray(part.length);
    return part.length;
  };
}

/** An offset at the start of a line before which all lines are older, found by halving. */
function findTime(file: Deno.FsFile, timeMs: number): number {
  let [low, high] = [0, file.statSync().size];
  while (high - low > PROBE_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const found = firstTime(file, middle, high);
    if (found === undefined || found.timeMs >= timeMs) high = middle;
    else low = found.offset;
  }
  return low;
}

/** The first line with a time that starts after an offset. */
function firstTime(
  file: Deno.FsFile,
  from: number,
  to: number,
): { offset: number; timeMs: number } | undefined {
  const buffer = new Uint8Array(PROBE_BYTES);
  for (let offset = from; offset < to;) {
    file.seekSync(offset, Deno.SeekMode.Start);
    const size = file.readSync(buffer) ?? 0;
    if (size === 0) return undefined;
    const start = buffer.subarray(0, size).indexOf(NEWLINE) + 1;
    const text = new TextDecoder("latin1").decode(buffer.subarray(start, size)); // one character per byte
    const match = start === 0 ? null : TIME.exec(text);
    if (match !== null) return { offset: offset + start + match.index, timeMs: Date.parse(match[1]!) };
    offset += size;
  }
  return undefined;
}
