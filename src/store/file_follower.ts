// Runs in: store worker.
import type { Logger } from "../shared/logger.ts";
import { type DailyFiles, ReplacedError, SyncError } from "./daily_files.ts";
import type { Outbox } from "./outbox.ts";
import type { OutboxRow } from "../shared/message_line.ts";

/** The daily file is synced when this many lines wait for it, or after this many milliseconds. */
const SYNC_AFTER_LINES = 1000;
const SYNC_AFTER_MS = 10_000;
/** A file that could not be written is tried again this often, in milliseconds. */
const RETRY_MS = 5000;

export interface FileFollowerOptions {
  files: DailyFiles;
  outbox: Outbox;
  logger: Logger;
  /** Ids up to this one are in synced files now. */
  onSynced: (id: number) => void;
  onFailure: (error: unknown) => void;
}

/** Lets the daily files follow the outbox: writes what was committed, syncs it now and then, catches up after trouble. */
export class FileFollower {
  #options: FileFollowerOptions;
  /** Ids up to this one stand in the files, synced or not. */
  #writtenId: number;
  #syncedId: number;
  #syncTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #syncing: Promise<void> | undefined;
  #isClosed = false;

  /** Reconciles the files with the outbox. */
  constructor(options: FileFollowerOptions) {
    this.#options = options;
    const { files, outbox, logger } = options;
    this.#syncedId = outbox.syncedId;
    const written = files.reconcile(() => outbox.rowsAfter(this.#syncedId), this.#syncedId);
    if (written > 0) logger.info(`wrote ${written} lines that a crash had kept from the daily files`);
    this.#writtenId = outbox.lastId;
  }

  get syncedId(): number {
    return this.#syncedId;
  }

  /** How many committed messages are not in a synced file yet. */
  get unsynced(): number {
    return this.#options.outbox.lastId - this.#syncedId;
  }

  /** After the start: all that {@link reconcile} found or wrote has been synced. */
  announceSynced(): void {
    this.#setSynced(this.#writtenId);
  }

  /** Follows a commit. What cannot be written now stays in the outbox and is written later. */
  follow(rows: OutboxRow[]): void {
    if (rows.length === 0 || this.#retryTimer !== undefined) return;
    try {
      this.#append(rows);
    } catch (error) {
      this.#waitForFiles(error);
    }
  }

  /** Syncs what has been written. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#writtenId !== this.#syncedId) await this.#syncNow();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#syncTimer);
    clearTimeout(this.#retryTimer);
    await this.sync();
    this.#options.files.close();
  }

  /** Stops at once, without syncing. */
  abandon(): void {
    this.#isClosed = true;
    clearTimeout(this.#syncTimer);
    clearTimeout(this.#retryTimer);
    this.#options.files.close();
  }

  #append(rows: OutboxRow[]): void {
    for (let done = 0; done < rows.length;) {
      done += this.#options.files.append(rows.slice(done));
      this.#writtenId = rows[done - 1]!.id;
    }
    this.#planSync();
  }

  #waitForFiles(error: unknown): void {
    if (error instanceof SyncError) return this.#options.onFailure(error);
    this.#options.logger.exception(
      "the daily file could not be written; its lines wait in the outbox",
      error,
    );
    this.#retryTimer = setTimeout(() => this.#catchUp(), RETRY_MS);
  }

  /** Writes all that was committed while the file could not be written. */
  #catchUp(): void {
    this.#retryTimer = undefined;
    try {
      this.#writeAnew();
      this.#options.logger.info("the daily file can be written again; nothing is missing in it");
    } catch (error) {
      if (error instanceof SyncError) return this.#options.onFailure(error);
      this.#retryTimer = setTimeout(() => this.#catchUp(), RETRY_MS); // reported when it began
    }
  }

  /** Somebody has removed, replaced or changed a file: nothing that is not in it now counts as synced. */
  #repair({ message }: ReplacedError): void {
    try {
      const written = this.#writeAnew();
      this.#options.logger.warning(
        `${message} while in use; ${written} messages have been written again from the outbox`,
      );
    } catch (error) {
      this.#options.logger.warning(`${message} while in use`);
      this.#waitForFiles(error);
    }
  }

  /** @returns how many lines had been missing of what was not announced as synced. */
  #writeAnew(): number {
    const { files, outbox } = this.#options;
    this.#writtenId = this.#syncedId; // until all of it is there again
    const lastId = outbox.lastId;
    const missing = files.reconcile(() => outbox.rowsAfter(this.#syncedId), this.#syncedId);
    this.#writtenId = lastId;
    this.#setSynced(lastId);
    return missing;
  }

  #planSync(): void {
    const waiting = this.#writtenId - this.#syncedId;
    if (waiting === 0 || this.#syncing !== undefined || this.#isClosed) return;
    if (waiting >= SYNC_AFTER_LINES) this.#startSync();
    else this.#syncTimer ??= setTimeout(() => this.#startSync(), SYNC_AFTER_MS);
  }

  #startSync(): void {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#syncing = this.#syncNow().catch(this.#options.onFailure).finally(() => {
      this.#syncing = undefined;
      this.#planSync(); // for what was written meanwhile
    });
  }

  async #syncNow(): Promise<void> {
    const id = this.#writtenId;
    try {
      await this.#options.files.sync();
    } catch (error) {
      if (error instanceof ReplacedError) return this.#repair(error);
      throw error;
    }
    if (this.#writtenId >= id) this.#setSynced(id); // else the files are being written anew
  }

  #setSynced(id: number): void {
    this.#syncedId = Math.max(this.#syncedId, id);
    this.#options.onSynced(this.#syncedId);
  }
}
