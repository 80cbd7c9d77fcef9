// Runs in: store worker.
import { join } from "node:path";
import { formatLine, idOfLine, type OutboxRow } from "../shared/message_line.ts";
import { lastLines } from "./tail.ts";

/**
 * The daily files, one JSON line per message. They follow the outbox: a line is written after its row was committed,
 * and {@link reconcile} writes what a crash kept from being written.
 */
export class DailyFiles {
  readonly directory: string;
  #open: { day: string; file: Deno.FsFile; sizeBytes: number } | undefined;
  #encoder = new TextEncoder();

  constructor(directory: string) {
    this.directory = directory;
    Deno.mkdirSync(directory, { recursive: true });
  }

  /** Closes a day's file before somebody else replaces it. */
  letGo(day: string): void {
    if (this.#open?.day === day) this.close();
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

  /** Makes everything that was appended survive a power cut. */
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

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
  }

  /** The ids behind `syncedId` at the end of a day's file; a torn last line is cut off. */
  #idsAfter(day: string, syncedId: number): Set<number> {
    const ids = new Set<number>();
    for (const line of lastLines(this.#openDay(day).file, (goodBytes) => this.#cut(goodBytes))) {
      const id = idOfLine(line);
      if (id === undefined) continue;
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
      this.#cut(open.sizeBytes);
      throw error;
    }
  }

  #cut(sizeBytes: number): void {
    this.#open!.file.truncateSync(sizeBytes);
    this.#open!.sizeBytes = sizeBytes;
  }

  #openDay(day: string) {
    if (this.#open?.day === day) return this.#open;
    this.#open?.file.syncSync(); // the next sync only reaches the new file
    this.#open?.file.close();
    this.#open = undefined;
    const path = join(this.directory, `${day}.jsonl`);
    const isNew = !exists(path);
    const file = Deno.openSync(path, { read: true, append: true, create: true });
    if (isNew) syncFolder(this.directory);
    this.#open = { day, file, sizeBytes: file.statSync().size };
    return this.#open;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}
