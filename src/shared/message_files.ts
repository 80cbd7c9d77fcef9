// Runs in: any thread.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { idOfLine } from "./message_line.ts";

const CHUNK_BYTES = 65_536;

/** The UTC days of which there are messages in a folder, oldest first. */
export function messageDays(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory, { withFileTypes: true }).filter((entry) =>
    entry.isFile() || entry.isSymbolicLink()
  );
  const days = files.map(({ name }) => /^(\d{4}-\d\d-\d\d)\.jsonl(\.gz)?$/.exec(name)?.[1]);
  return [...new Set(days.filter((day) => day !== undefined))].sort();
}

/**
 * The lines of one day, from the compressed part and from the part that is still plain, in this order. A line that
 * stands in both (a crash came between compressing and removing) comes once; a day that is being compressed just now
 * is read whole. A part that is damaged ends with a line that cannot be parsed, as damaged lines cannot.
 *
 * @param isFatal Which errors of reading are to be thrown; by default none is.
 */
export async function* linesOfDay(
  directory: string,
  day: string,
  isFatal: (error: unknown) => boolean = () => false,
): AsyncGenerator<string, void, void> {
  const path = join(directory, `${day}.jsonl`);
  using plain = await openIfThere(path); // first: it is removed only after the compressed one is there
  using compressed = await openIfThere(`${path}.gz`);
  let lastId = 0;
  for (const part of [gunzippedLines(compressed), linesOf(plain)]) {
    for await (const line of untilDamage(part, isFatal)) {
      const id = idOfLine(line);
      if (id !== undefined && id <= lastId) continue;
      lastId = id ?? lastId;
      yield line;
    }
  }
}

/** True when compressed data is damaged, and not merely hard to read just now. */
export function isDamagedArchive(error: unknown): boolean {
  return String((error as { code?: unknown } | null)?.code).startsWith("Z_");
}

/** The lines of a compressed file; none when there is no such file. */
export async function* compressedLines(path: string): AsyncGenerator<string, void, void> {
  using file = await openIfThere(path);
  yield* gunzippedLines(file);
}

/** The lines of a plain file; none when there is no such file. */
export async function* plainLines(path: string): AsyncGenerator<string, void, void> {
  using file = await openIfThere(path);
  yield* linesOf(file);
}

type OpenFile = Disposable & { file: Deno.FsFile };

async function openIfThere(path: string): Promise<OpenFile | undefined> {
  try {
    const file = await Deno.open(path);
    return { file, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** @param newBuffer Gives the memory for a chunk; the same one again if each chunk is used up before the next. */
async function* chunksOf(
  file: Deno.FsFile,
  newBuffer: () => Uint8Array,
): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    const buffer = newBuffer();
    const size = await file.read(buffer);
    if (size === null) return;
    yield buffer.subarray(0, size);
  }
}

async function* gunzippedLines(file: OpenFile | undefined): AsyncGenerator<string, void, void> {
  if (file === undefined) return;
  const compressed = chunksOf(file.file, () => new Uint8Array(CHUNK_BYTES));
  const plain = createGunzip(); // knows files of several members, unlike the web's
  Readable.from(compressed).on("error", (error) => plain.destroy(error)).pipe(plain);
  yield* splitLines(plain as AsyncIterable<Uint8Array>);
}

async function* untilDamage(
  lines: AsyncIterable<string>,
  isFatal: (error: unknown) => boolean,
): AsyncGenerator<string, void, void> {
  try {
    yield* lines;
  } catch (error) {
    if (isFatal(error)) throw error;
    yield `damaged: ${(error as Error).message}`;
  }
}

async function* linesOf(file: OpenFile | undefined): AsyncGenerator<string, void, void> {
  if (file === undefined) return;
  const buffer = new Uint8Array(CHUNK_BYTES);
  yield* splitLines(chunksOf(file.file, () => buffer));
}

/** Cuts chunks into lines; a last line without its end comes too. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
