// Runs in: store worker.
import { join } from "@std/path";
import type { OutboxRow } from "./outbox.ts";
import { lastLines } from "./tail.ts";

/** One line of a daily file, with its line end. */
export function formatLine(row: Pick<OutboxRow, "id" | "time_ms" | "body">): string {
  return `{"id":${row.id},"timestamp":${row.time_ms / 1000},"message_body":${row.body}}\n`;
}

/**
 * The daily files, one JSON line per message. They follow the outbox: a line is written after its row was committed,
 * and {@link reconcile} writes what a crash kept from being written.
 */
export class DailyFiles {
  #directory: string;
  #open: { day: string; file: Deno.FsFile; sizeBytes: number } | undefined;
  #encoder = new TextEncoder();

  constructor(directory: string) {
    this.#directory = directory;
    Deno.mkdirSync(directory, { recursive: true });
  }

  path(day: string): string {
    return join(this.#directory, `${day}.jsonl`);
  }

  /**
   * Appends rows of any days. Nothing is synced yet.
   *
   * @throws when the disk is full or broken; lines that were written in part have been cut off again.
   */
  append(rows: OutboxRow[]): void {
    for (let start = 0; start < rows.length;) {
      const day = rows[start]!.day;
      let end = start;
      while (end < rows.length && rows[end]!.day === day) end++;
      this.#appendLines(day, rows.slice(start, end).map(formatLine).join(""));
      start = end;
    }
  }

  /** Makes everything that was appended to the open file survive a power cut. */
  async sync(): Promise<void> {
    await this.#open?.file.syncData();
  }

  /**
   * Brings the files in line with the outbox after a crash: a torn last line is cut off, lines that are missing are
   * written, and all is synced.
   *
   * @param rows Committed rows that may be missing, in order of their ids.
   * @param syncedId Ids up to this one are certainly in the files.
   * @returns how many lines were written.
   */
  reconcile(rows: Iterable<OutboxRow>, syncedId: number): number {
    const present = new Map<string, Set<number>>();
    let written = 0;
    for (const row of rows) {
      if (!present.has(row.day)) present.set(row.day, this.#idsAfter(row.day, syncedId));
      if (present.get(row.day)!.has(row.id)) continue;
      this.append([row]);
      written++;
    }
    for (const day of present.keys()) this.#openDay(day).file.syncSync();
    return written;
  }

  /** The largest id in the files, also when the database does not know it. Cuts torn last lines off. */
  highestId(): number {
    const days = [...Deno.readDirSync(this.#directory)]
      .map(({ name }) => /^(\d{4}-\d{2}-\d{2})\.jsonl$/.exec(name)?.[1])
      .filter((day) => day !== undefined).sort();
    return Math.max(0, ...days.slice(-2).map((day) => Math.max(0, ...this.#idsAfter(day, Infinity))));
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
  }

  /** The ids after `syncedId` at the end of a day's file; with Infinity only the last one. */
  #idsAfter(day: string, syncedId: number): Set<number> {
    const ids = new Set<number>();
    const { file } = this.#openDay(day);
    for (const line of lastLines(file, (goodBytes) => this.#cut(day, goodBytes))) {
      const id = idOfLine(line);
      if (id === undefined) continue;
      if (syncedId === Infinity) return new Set([id]);
      if (id <= syncedId) break;
      ids.add(id);
    }
    return ids;
  }

  #appendLines(day: string, lines: string): void {
    const open = this.#openDay(day);
    const bytes = this.#encoder.encode(lines);
    try {
      for (let done = 0; done < bytes.length;) done += open.file.writeSync(bytes.subarray(done));
      open.sizeBytes += bytes.length;
    } catch (error) {
      this.#cut(day, open.sizeBytes);
      throw error;
    }
  }

  #cut(day: string, sizeBytes: number): void {
    const open = this.#openDay(day);
    open.file.truncateSync(sizeBytes);
    open.file.seekSync(0, Deno.SeekMode.End);
    open.sizeBytes = sizeBytes;
  }

  #openDay(day: string) {
    if (this.#open?.day === day) return this.#open;
    this.#open?.file.syncSync();
    this.#open?.file.close();
    const file = Deno.openSync(this.path(day), { read: true, append: true, create: true });
    this.#open = { day, file, sizeBytes: file.statSync().size };
    return this.#open;
  }
}

/** The id that a line begins with; undefined when it is damaged. */
export function idOfLine(line: string): number | undefined {
  const digits = /^\{"id":(\d+),/.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
