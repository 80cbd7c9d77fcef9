// Runs in: store worker.
import { dirname, join } from "node:path";
import { formatLine, idOfLine, type OutboxRow } from "../shared/message_line.ts";
import { syncFolder } from "./disk.ts";
import { lastLines, mendEnd } from "./tail.ts";

const CHUNK = 1000;

/** What stands in a day's file behind the lines that are certainly safe. */
interface Tail {
  /** Where it begins. */
  startBytes: number;
  /** Ids of its whole lines. */
  ids: Set<number>;
  /** How many of them are known to the outbox. */
  known: number;
}

/** What a file holds may be lost although it can be read, and a later sync would not help: it must be written anew. */
export class SyncError extends Error {
  override name = "SyncError";
}

/**
 * The daily files, one JSON line per message. They follow the outbox: a line is written after its row was committed,
 * and {@link reconcile} writes what a crash kept from being written.
 */
export class DailyFiles {
  readonly directory: string;
  #open: { day: string; file: Deno.FsFile; sizeBytes: number; isTorn: boolean } | undefined;
  #encoder = new TextEncoder();

  constructor(directory: string) {
    this.directory = directory;
    Deno.mkdirSync(directory, { recursive: true });
    syncFolder(dirname(directory)); // a crash may have come between making it and this
  }

  /** Closes a day's file before somebody else replaces it. */
  letGo(day: string): void {
    if (this.#open?.day === day) this.close();
  }

  /**
   * Appends rows, as far as they are of the same day as the first. Nothing is synced yet.
   *
   * @returns how many were written.
   * @throws when the disk is full or broken; then none is, and lines that were written in part are cut off.
   */
  append(rows: OutboxRow[]): number {
    const day = rows[0]!.day;
    const end = rows.findIndex((row) => row.day !== day);
    const ofDay = end === -1 ? rows : rows.slice(0, end);
    this.#appendLines(day, ofDay.map(formatLine).join(""));
    return ofDay.length;
  }

  /** Makes everything that was appended survive a power cut. */
  async sync(): Promise<void> {
    await this.#open?.file.syncData();
  }

  /**
   * Brings the files in line with the outbox after a crash. What was not synced is written anew: lines may be missing,
   * torn or zeros, and lines that a failed sync has left to the system's memory alone look as if they were there.
   *
   * @param rows Gives the committed rows that may be missing, in order of their ids, each time it is called.
   * @param syncedId Ids up to this one are certainly in the files.
   * @returns how many lines had been missing.
   */
  reconcile(rows: () => Iterable<OutboxRow>, syncedId: number): number {
    const tails = new Map<string, Tail>();
    let missing = 0;
    for (const { day, id } of rows()) {
      const tail = tails.get(day) ?? this.#tailAfter(day, syncedId);
      tails.set(day, tail);
      if (tail.ids.has(id)) tail.known++;
      else missing++;
    }
    for (const [day, tail] of tails) this.#cutTail(day, tail);
    for (const chunk of chunks(rows(), (row) => !tails.get(row.day)!.ids.has(row.id))) {
      for (let done = 0; done < chunk.length;) done += this.append(chunk.slice(done));
    }
    for (const day of tails.keys()) this.#openDay(day).file.syncSync();
    return missing;
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
  }

  #tailAfter(day: string, syncedId: number): Tail {
    const tail: Tail = { startBytes: 0, ids: new Set(), known: 0 };
    for (const { text, endBytes } of lastLines(this.#openDay(day).file)) {
      const id = idOfLine(text);
      if (id !== undefined && id <= syncedId) return { ...tail, startBytes: endBytes };
      if (id !== undefined) tail.ids.add(id);
    }
    return tail;
  }

  /** Cuts off what is written anew; nothing of a tail with lines that the outbox does not know. */
  #cutTail(day: string, tail: Tail): void {
    if (tail.known < tail.ids.size) return;
    tail.ids.clear();
    this.#openDay(day);
    this.#cut(tail.startBytes);
  }

  #appendLines(day: string, lines: string): void {
    const open = this.#openDay(day);
    const bytes = this.#encoder.encode(lines);
    if (open.isTorn) this.#cut(open.sizeBytes);
    try {
      open.isTorn = true;
      for (let done = 0; done < bytes.length;) done += open.file.writeSync(bytes.subarray(done));
      open.isTorn = false;
      open.sizeBytes += bytes.length;
    } catch (error) {
      this.#cut(open.sizeBytes);
      throw error;
    }
  }

  #cut(sizeBytes: number): void {
    this.#open!.file.truncateSync(sizeBytes);
    this.#open!.sizeBytes = sizeBytes;
    this.#open!.isTorn = false;
  }

  #syncOpen(): void {
    try {
      this.#open?.file.syncSync();
    } catch (error) {
      throw new SyncError("a daily file could not be synced", { cause: error });
    }
  }

  #openDay(day: string) {
    if (this.#open?.day === day) return this.#open;
    this.#syncOpen(); // the next sync only reaches the new file
    this.#open?.file.close();
    this.#open = undefined;
    const path = join(this.directory, `${day}.jsonl`);
    const file = Deno.openSync(path, { read: true, append: true, create: true });
    mendEnd(file);
    syncFolder(this.directory); // a crash may have come between making it and this
    this.#open = { day, file, sizeBytes: file.statSync().size, isTorn: false };
    return this.#open;
  }
}

function* chunks(rows: Iterable<OutboxRow>, isWanted: (row: OutboxRow) => boolean): Generator<OutboxRow[]> {
  let chunk: OutboxRow[] = [];
  for (const row of rows) {
    if (!isWanted(row) || chunk.push(row) < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
