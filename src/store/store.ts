// Runs in: store worker.
import { join } from "@std/path";
import { setImmediate } from "node:timers";
import type { StorageSettings } from "../shared/config.ts";
import type { Logger } from "../shared/logger.ts";
import type { StoreStatistics, StoreToProducer } from "../shared/protocol.ts";
import { DailyFiles } from "./daily_files.ts";
import { isDiskFull, openDatabase } from "./database.ts";
import { freeBytes, sizeBytes } from "./disk.ts";
import { type Batch, type NewRow, Outbox, type OutboxRow } from "./outbox.ts";

/** The daily file is synced when this many lines wait for it, or after this many milliseconds. */
const SYNC_AFTER_LINES = 1000;
const SYNC_AFTER_MS = 10_000;

/** A batch that waits for the next commit, and the door for its answer. */
export interface PendingBatch extends Batch {
  answer: (answer: StoreToProducer) => void;
}

export interface StoreOptions {
  /** `<root>/data`. */
  directory: string;
  /** Names this run of the agent. */
  runId: string;
  settings: StorageSettings;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
  /** Told of every message after it was stored. */
  onStored: (rows: NewRow[]) => void;
  /** Told when the store cannot go on; its successor picks up what is committed. */
  onFailure: (error: unknown) => void;
}

/**
 * Commits whatever is waiting in one transaction, then writes the daily file, then answers. The commit is what makes
 * a message safe; the daily file follows, is reconciled after a crash, and rows leave the outbox after its sync.
 */
export class Store {
  #options: StoreOptions;
  #database;
  #outbox: Outbox;
  #files: DailyFiles;
  #pending: PendingBatch[] = [];
  /** Ids up to this one stand in the daily files, synced or not. */
  #writtenId: number;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #syncing: Promise<void> | undefined;
  #refused = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    Deno.mkdirSync(options.directory, { recursive: true });
    this.#database = openDatabase(join(options.directory, "outbox.sqlite3"));
    this.#outbox = new Outbox(this.#database, options.runId);
    this.#files = new DailyFiles(join(options.directory, "messages"));
    this.#outbox.skipTo(this.#files.highestId());
    this.#reconcile();
    this.#writtenId = this.#outbox.lastId;
  }

  /** Puts a batch into the next commit. */
  append(batch: PendingBatch): void {
    if (this.#pending.push(batch) > 1) return;
    const { commit_interval_ms: intervalMs } = this.#options.settings;
    if (intervalMs === 0) setImmediate(() => this.#guard(() => this.#commit()));
    else setTimeout(() => this.#guard(() => this.#commit()), intervalMs);
  }

  statistics(): StoreStatistics {
    const { directory } = this.#options;
    return {
      lastId: this.#outbox.lastId,
      stored: this.#outbox.stored,
      waiting: this.#outbox.size,
      refused: this.#refused,
      databaseBytes: sizeBytes(join(directory, "outbox.sqlite3")) +
        sizeBytes(join(directory, "outbox.sqlite3-wal")),
      freeBytes: freeBytes(directory),
    };
  }

  /** Commits what waits, syncs the daily file and closes everything. */
  async close(): Promise<void> {
    this.#commit();
    clearTimeout(this.#syncTimer);
    await this.#syncing;
    await this.#sync();
    this.#files.close();
    this.#database.close();
  }

  #commit(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    let rows: NewRow[];
    try {
      rows = this.#outbox.append(pending, this.#options.now());
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#refuse(pending, "the disk is full");
      return;
    }
    this.#writeDailyFile(rows);
    for (const { messages, answer } of pending) {
      answer({ type: "appended", sequences: messages.map(({ sequence }) => sequence) });
    }
    this.#options.onStored(rows);
  }

  #refuse(pending: PendingBatch[], reason: string): void {
    for (const { messages, answer } of pending) {
      this.#refused += messages.length;
      answer({ type: "refused", sequences: messages.map(({ sequence }) => sequence), reason });
    }
  }

  /** A line that cannot be written now is written later: its row stays in the outbox until then. */
  #writeDailyFile(rows: OutboxRow[]): void {
    const isBehind = rows.length > 0 && rows[0]!.id > this.#writtenId + 1;
    try {
      for (const chunk of isBehind ? chunks(this.#outbox.rowsAfter(this.#writtenId)) : [rows]) {
        this.#files.append(chunk);
        this.#writtenId = chunk.at(-1)?.id ?? this.#writtenId;
      }
    } catch (error) {
      this.#options.logger.exception(
        "the daily file could not be written; its lines wait in the outbox",
        error,
      );
    }
    if (this.#writtenId - this.#outbox.syncedId >= SYNC_AFTER_LINES) this.#startSync();
    else this.#syncTimer ??= setTimeout(() => this.#startSync(), SYNC_AFTER_MS);
  }

  #startSync(): void {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#syncing ??= this.#sync().catch(this.#options.onFailure).finally(() => this.#syncing = undefined);
  }

  async #sync(): Promise<void> {
    const id = this.#writtenId;
    if (id === this.#outbox.syncedId) return;
    await this.#files.sync();
    this.#outbox.release(id);
  }

  #reconcile(): void {
    const written = this.#files.reconcile(
      this.#outbox.rowsAfter(this.#outbox.syncedId),
      this.#outbox.syncedId,
    );
    if (written > 0) {
      this.#options.logger.info(`wrote ${written} lines that a crash had kept from the daily file`);
    }
    this.#outbox.release(this.#outbox.lastId);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }
}

function* chunks(rows: Iterable<OutboxRow>): Generator<OutboxRow[]> {
  let chunk: OutboxRow[] = [];
  for (const row of rows) {
    if (chunk.push(row) < 1000) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
