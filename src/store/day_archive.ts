// Runs in: store worker.
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { compressedLines, messageDays, plainLines } from "../shared/message_files.ts";
import { idOfLine } from "../shared/message_line.ts";

const DAY_MS = 86_400_000;

/** Days with a plain file that nothing is appended to any more. */
export function finishedDays(directory: string, today: string): string[] {
  const isPlain = (day: string) =>
    statSync(join(directory, `${day}.jsonl`), { throwIfNoEntry: false })?.isFile() ?? false;
  return messageDays(directory).filter((day) => day !== today && isPlain(day));
}

/**
 * Compresses a finished day. What is compressed already (the clock went back to that day) stays in front. A crash
 * leaves the lines in the plain file, in the compressed one, or in both; never in neither.
 */
export async function compressDay(directory: string, day: string): Promise<void> {
  const plain = join(directory, `${day}.jsonl`);
  const compressed = `${plain}.gz`;
  const temporary = `${compressed}.tmp`;
  const { size, ino } = statSync(plain);
  const doneId = await lastIdIn(compressedLines(compressed));
  if (await lastIdIn(plainLines(plain)) > doneId) {
    await rm(temporary, { force: true });
    if (existsSync(compressed)) await pipeline(createReadStream(compressed), createWriteStream(temporary));
    const lines = existsSync(compressed) ? linesBehind(plain, doneId) : createReadStream(plain);
    await pipeline(lines, createGzip(), createWriteStream(temporary, { flags: "a" }));
    await syncFile(temporary);
    await rename(temporary, compressed);
    await syncFile(directory);
  }
  const after = statSync(plain);
  if (after.size === size && after.ino === ino) rmSync(plain); // else it was written or replaced meanwhile: next time
}

async function lastIdIn(lines: AsyncIterable<string>): Promise<number> {
  let lastId = 0;
  for await (const line of lines) lastId = idOfLine(line) ?? lastId;
  return lastId;
}

/** What a crash has left in the plain file although it is compressed already is left out. */
async function* linesBehind(plain: string, id: number): AsyncGenerator<string, void, void> {
  for await (const line of plainLines(plain)) if ((idOfLine(line) ?? Infinity) > id) yield `${line}\n`;
}

/**
 * Days that are older than the retention allows, by their name and by when their file was last written: a file of a
 * node without a clock bears a name of long ago.
 */
export async function expiredDays(
  directory: string,
  retentionDays: number,
  nowMs: number,
): Promise<string[]> {
  const limitMs = nowMs - retentionDays * DAY_MS;
  const expired: string[] = [];
  for (const day of messageDays(directory)) {
    const endMs = Date.parse(`${day}T00:00:00Z`) + DAY_MS;
    if (endMs < limitMs && await lastWrittenMs(directory, day) < limitMs) expired.push(day);
  }
  return expired;
}

/** Removes a day's files. */
export async function removeDay(directory: string, day: string): Promise<void> {
  for (const ending of [".jsonl.gz.tmp", ".jsonl", ".jsonl.gz"]) {
    await rm(join(directory, day + ending), { force: true });
  }
}

async function lastWrittenMs(directory: string, day: string): Promise<number> {
  const paths = [".jsonl", ".jsonl.gz"].map((ending) => join(directory, day + ending)).filter(existsSync);
  return Math.max(...await Promise.all(paths.map(async (path) => (await stat(path)).mtimeMs)));
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync();
  await file.close();
}
