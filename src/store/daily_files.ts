// Runs in: store worker.
import { join } from "node:path";
import { formatLine, idOfLine, type OutboxRow } from "../shared/message_line.ts";
import { identityOf, lookAt, sizeBytes, syncFolder } from "./disk.ts";
import { MessagesFolder, type MessagesFolderOptions } from "./messages_folder.ts";
import { endOf, lastLines, mendEnd } from "./tail.ts";

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

/** A file as it was left, to be compared with what its name leads to. */
interface Written {
  path: string;
  identity: string;
  sizeBytes: number;
}

/** What a file holds may be lost although it can be read, and a later sync would not help: it must be written anew. */
export class SyncError extends Error {
  override name = "SyncError";
}

/** A file was removed, replaced or changed by somebody else: what was written to it is not where its name leads. */
export class ReplacedError extends Error {
  override name = "ReplacedError";
}

/**
 * The daily files, one JSON line per message. They follow the outbox: a line is written after its row was committed,
 * and {@link reconcile} writes what a crash, or somebody who removed or replaced a file, kept from being there.
 */
export class DailyFiles {
  #folder: MessagesFolder;
  #open: (Written & { day: string; file: Deno.FsFile; isTorn: boolean }) | undefined;
  /** Of each path: a file that has been synced and closed since {@link sync} last succeeded. */
  #left = new Map<string, Written>();
  #encoder = new TextEncoder();

  /** @param directory `<root>/data/messages`; it is made when it is not there. */
  constructor(directory: string, options: MessagesFolderOptions = {}) {
    this.#folder = new MessagesFolder(directory, options);
    this.#folder.make();
  }

  get directory(): string {
    return this.#folder.path;
  }

  /** Closes a day's file before somebody else replaces it. */
  letGo(day: string): void {
    if (this.#open?.day === day) this.close();
    this.#left.delete(this.#pathOf(day));
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

  /**
   * Makes everything that was appended survive a power cut.
   *
   * @throws {ReplacedError} when it is not in the files that their names lead to; {@link reconcile} helps then.
   */
  async sync(): Promise<void> {
    await this.#open?.file.syncData();
    this.#verify();
  }

  /**
   * Brings the files in line with the outbox after a crash, or after a file was removed or replaced. What was not synced is written anew: lines may be missing,
   * torn or zeros, and lines that a failed sync has left to the system's memory alone look as if they were there.
   *
   * @param rows Gives the committed rows that may be missing, in order of their ids, each time it is called.
   * @param syncedId Ids up to this one are certainly in the files.
   * @returns how many lines had been missing.
   */
  reconcile(rows: () => Iterable<OutboxRow>, syncedId: number): number {
    this.close();
    const tails = new Map<string, Tail>();
    let missing = 0;
    for (const { day, id } of rows()) {
      if (!tails.has(day) && isOther(this.#pathOf(day))) this.#folder.putAside(this.#pathOf(day));
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
    this.#verify();
    return missing;
  }

  close(): void {
    this.#open?.file.close();
    this.#open = undefined;
    this.#left.clear();
  }

  #pathOf(day: string): string {
    return join(this.directory, `${day}.jsonl`);
  }

  #verify(): void {
    for (const { path, identity, sizeBytes: expected } of this.#left.values()) {
      verify(path, identity, expected);
    }
    if (this.#open !== undefined) {
      const { path, identity, sizeBytes: expected, isTorn } = this.#open;
      verify(path, identity, isTorn ? undefined : expected);
    }
    this.#left.clear();
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

  /** Leaves the open file: the next sync only reaches another. */
  #leave(): void {
    if (this.#open === undefined) return;
    const { path, identity, sizeBytes, file } = this.#open;
    try {
      file.syncSync();
    } catch (error) {
      throw new SyncError("a daily file could not be synced", { cause: error });
    }
    this.#left.set(path, { path, identity, sizeBytes });
    file.close();
    this.#open = undefined;
  }

  #openDay(day: string) {
    if (this.#open?.day === day) return this.#open;
    this.#leave();
    const path = this.#pathOf(day);
    this.#folder.make();
    if (isOther(path)) throw new Error(`${path} is not a file`);
    const file = Deno.openSync(path, { read: true, append: true, create: true });
    mendEnd(file);
    syncFolder(this.directory); // a crash may have come between making it and this
    const identity = identityOf(path) ?? ""; // gone again already: the next look finds out
    this.#open = { day, path, file, identity, sizeBytes: endOf(file), isTorn: false };
    this.#left.delete(path);
    return this.#open;
  }
}

/** @throws {ReplacedError} when a name does not lead to the file, or somebody else has changed its size. */
function verify(path: string, identity: string, expected: number | undefined): void {
  const found = identityOf(path);
  if (found === undefined) throw new ReplacedError(`${path} was removed`);
  if (found !== identity) throw new ReplacedError(`${path} was replaced`);
  if (expected !== undefined && sizeBytes(path) !== expected) throw new ReplacedError(`${path} was changed`);
}

/**
 * True when something has the name that is no daily file: a folder, a pipe, a link that leads to none. Where a link
 * leads to messages, or to an empty file, somebody has moved the file to another disk.
 */
function isOther(path: string): boolean {
  const info = lookAt(path);
  if (info === undefined || info.isFile) return false;
  return !info.isSymlink || !leadsToMessages(path);
}

function leadsToMessages(link: string): boolean {
  try {
    if (!Deno.statSync(link).isFile) return false;
    using file = Deno.openSync(link);
    const [last] = lastLines(file);
    return last === undefined ? endOf(file) === 0 : idOfLine(last.text) !== undefined;
  } catch {
    return false; // it leads nowhere
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
