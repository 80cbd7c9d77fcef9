// Runs in: any thread.
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { idOfLine } from "./message_line.ts";

/** The UTC days of which there are messages in a folder, oldest first. */
export function messageDays(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const days = readdirSync(directory).map((name) => /^(\d{4}-\d\d-\d\d)\.jsonl(\.gz)?$/.exec(name)?.[1]);
  return [...new Set(days.filter((day) => day !== undefined))].sort();
}

/**
 * The lines of one day, from the compressed part and from the part that is still plain, in this order. A line that
 * stands in both (a crash came between compressing and removing) comes once.
 */
export async function* linesOfDay(directory: string, day: string): AsyncGenerator<string, void, void> {
  const plain = join(directory, `${day}.jsonl`);
  let lastId = 0;
  for (const part of [compressedLines(`${plain}.gz`), plainLines(plain)]) {
    for await (const line of part) {
      const id = idOfLine(line);
      if (id !== undefined && id <= lastId) continue;
      lastId = id ?? lastId;
      yield line;
    }
  }
}

/** The lines of a compressed file; none when there is no such file. */
export async function* compressedLines(path: string): AsyncGenerator<string, void, void> {
  if (existsSync(path)) yield* lines(createReadStream(path).pipe(createGunzip()));
}

/** The lines of a plain file; none when there is no such file. */
export async function* plainLines(path: string): AsyncGenerator<string, void, void> {
  if (existsSync(path)) yield* lines(createReadStream(path));
}

async function* lines(input: NodeJS.ReadableStream): AsyncGenerator<string, void, void> {
  for await (const line of createInterface({ input, crlfDelay: Infinity })) if (line !== "") yield line;
}
