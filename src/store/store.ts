// Runs in: store worker.
import { join } from "node:path";
import { setImmediate } from "node:timers";
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { type Variant, VARIANTS } from "../shared/message.ts";
import type {
  LeasedMessage,
  StoreAnswers,
  StoreOpening,
  StoreRequest,
  StoreStatistics,
  StoreToProducer,
} from "../shared/protocol.ts";
import { utcDay } from "../shared/time.ts";
import { Backlog, type Settlement } from "./backlog.ts";
import { Bounds } from "./bounds.ts";
import { Clock } from "./clock.ts";
import { DailyFiles } from "./daily_files.ts";
import { type Database, inTransaction, isDamaged, isDiskFull, openDatabase } from "./database.ts";
import { freeBytes, sizeBytes } from "./disk.ts";
import { FileFollower } from "./file_follower.ts";
import { keepHouse, removeOldestDay } from "./house_keeping.ts";
import { type Batch, Outbox } from "./outbox.ts";
import { damageMark, databasePath, markDamaged, notePlaces, rebuildDatabase } from "./recovery.ts";
import { Replays } from "./replay.ts";
import type { NewRow } from "../shared/message_line.ts";

const HOUSE_KEEPING_MS = 60_000;
/** What could not be committed on a full disk is tried again this often, in milliseconds. */
const RETRY_MS = 5000;
/** How many rows that nobody waits for leave the outbox per variant and commit. */
const REMOVE_STEP = 2000;
/** A database up to this size is checked before it is used; a larger one meanwhile, in another thread. */
const CHECK_AT_ONCE_BYTES = 8_000_000;

/** A batch that waits for the next commit, and the door for its answer. */
export interface PendingBatch extends Batch {
  answer: (answer: StoreToProducer) => void;
}

export interface StoreOptions extends StoreOpening {
  logger: Logger;
  /** Unix milliseconds; may jump. */
  now: () => number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Told of every message after it was stored. */
  onStored: (rows: NewRow[]) => void;
  /** There may be something to lease. */
  onAvailable: () => void;
  /** Told when the store cannot go on; its successor picks up what is committed. */
  onFailure: (error: unknown) => void;
}

/** Opens the store of a folder; a damaged database is moved aside and rebuilt from the daily files. */
export async function openStore(options: StoreOptions): Promise<Store> {
  Deno.mkdirSync(options.directory, { recursive: true });
  let database: Database;
  try {
    database = openChecked(options.directory);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    database = await rebuild(options, error);
  }
  return new Store(database, options);
}

/** Throws when the database is damaged, as far as that can be seen without delay. */
function openChecked(directory: string): Database {
  const path = databasePath(directory);
  const known = damageMark(directory);
  if (known !== undefined) throw new Error(`database disk image is malformed: ${known}`);
  const database = openDatabase(path);
  if (sizeBytes(path) > CHECK_AT_ONCE_BYTES) return database;
  const result = Object.values(database.prepare("PRAGMA quick_check(1)").get()!)[0];
  if (result === "ok") return database;
  database.close();
  throw new Error(`database disk image is malformed: ${result}`);
}

/** Rebuilds the outbox of a folder. Also called when damage shows later. */
async function rebuild(options: StoreOptions, cause: unknown): Promise<Database> {
  const { directory, runId, logger } = options;
  logger.error(`the outbox database is damaged (${sentenceOf(cause)}); it is rebuilt from the daily files`);
  const { database, recovery } = await rebuildDatabase(directory, { runId, nowMs: options.now() });
  const { kept, restored, damagedLines } = recovery;
  logger.error(`the damaged database is kept as ${kept}; ${restored} messages wait again for their backends`);
  if (damagedLines > 0) logger.warning(`${damagedLines} damaged lines of daily files were skipped`);
  return database;
}

/**
 * Commits whatever is waiting in one transaction, then answers, then writes the daily file. The commit is what makes a
 * message safe; the daily file follows and is reconciled after a crash. A row leaves the outbox when its daily file is
 * synced and every backend is done with it.
 */
export class Store {
  #options: StoreOptions;
  #database: Database;
  #outbox: Outbox;
  #clock: Clock;
  #backlog: Backlog;
  #bounds: Bounds;
  #replays: Replays;
  #dailyFiles: DailyFiles;
  #files: FileFollower;
  #directory: string;
  #pending: PendingBatch[] = [];
  #settlements: (() => void)[] = [];
  #syncedId = 0;
  /** Of each variant, rows up to this id have left the outbox. */
  #removedIds: Record<Variant, number> = { config: 0, log: 0, data: 0 };
  #mustSaveSynced = false;
  #isScheduled = false;
  #isClosed = false;
  #house: Promise<void>;
  #refused: number;
  #houseKeeping: ReturnType<typeof setInterval>;

  constructor(database: Database, options: StoreOptions) {
    this.#options = options;
    this.#database = database;
    this.#directory = join(options.directory, "messages");
    this.#outbox = new Outbox(database, options.runId);
    this.#refused = Number(this.#outbox.meta("refused") ?? 0);
    const { boot, clockTrusted: trusted, now, monotonic, settings, logger } = options;
    this.#clock = new Clock({ database, boot, trusted, now, monotonic });
    this.#backlog = new Backlog(database, (row) => this.#clock.correct(row));
    this.#dailyFiles = new DailyFiles(this.#directory);
    this.#files = new FileFollower({
      files: this.#dailyFiles,
      outbox: this.#outbox,
      logger,
      onSynced: (id) => this.#noteSynced(id),
      onFailure: options.onFailure,
    });
    this.#bounds = new Bounds({
      directory: options.directory,
      database,
      backlog: this.#backlog,
      settings,
      monotonic,
      onDropped: (sentence) => logger.warning(sentence),
    });
    this.#replays = new Replays({
      database,
      backlog: this.#backlog,
      directory: this.#directory,
      correct: (row) => this.#clock.correct(row),
      onFed: options.onAvailable,
      onFailure: options.onFailure,
    });
    if (options.backends !== null) this.setBackends(options.backends);
    this.#files.announceSynced();
    this.#houseKeeping = setInterval(
      () => this.#house = this.#house.then(() => this.#keepHouse()),
      HOUSE_KEEPING_MS,
    );
    this.#house = this.#keepHouse();
  }

  /** True when the database was too large to be checked at the start. */
  get isLarge(): boolean {
    return sizeBytes(databasePath(this.#options.directory)) > CHECK_AT_ONCE_BYTES;
  }

  /** Puts a batch into the next commit. */
  append(batch: PendingBatch): void {
    this.#pending.push(batch);
    this.#schedule();
  }

  lease(backend: string, maxMessages: number, maxBytes: number): LeasedMessage[] {
    return this.#backlog.lease(backend, maxMessages, maxBytes);
  }

  /** Puts what a backend says of leased messages into the next commit. */
  settle(backend: string, settlement: Settlement, answer: (ids: number[]) => void): void {
    const ids = this.#backlog.settle(backend, settlement);
    this.#settlements.push(() => answer(ids));
    this.#schedule();
    if (settlement.type === "give_back") this.#options.onAvailable();
  }

  /** A backend's worker has ended: what it had leased returns. */
  giveAllBack(backend: string): void {
    this.#backlog.giveAllBack(backend);
  }

  /** Takes the configured backends over: a new one starts at "now", what waited for a removed one is let go. */
  setBackends(names: string[]): void {
    const released = inTransaction(
      this.#database,
      () => this.#backlog.writeBackends(names, this.#outbox.lastId, this.#outbox.stored),
    );
    this.#backlog.reload();
    for (const [name, count] of Object.entries(released)) {
      this.#options.logger.info(`backend "${name}" was removed: ${count} messages no longer wait for it`);
    }
    this.#schedule();
  }

  /** Another thread has found the database damaged: the next store rebuilds it. */
  reportDamage(reason: string): void {
    markDamaged(this.#options.directory, reason);
    this.#options.onFailure(new Error(`the outbox database is damaged: ${reason}`));
  }

  /** The wall clock has been found right. */
  trustClock(): void {
    const offMs = inTransaction(this.#database, () => this.#clock.writeTrust());
    if (offMs === undefined) return;
    this.#options.logger.info(
      `the clock is right now; until here it was off by ${(offMs / 1000).toFixed(1)} s`,
    );
  }

  request<K extends StoreRequest["kind"]>(request: StoreRequest & { kind: K }): StoreAnswers[K];
  request(request: StoreRequest): StoreAnswers[StoreRequest["kind"]] {
    const { requeue } = this.#backlog;
    switch (request.kind) {
      case "statistics":
        return this.#statistics();
      case "corrections":
        return this.#clock.corrections();
      case "replay": {
        const replayId = this.#replays.start(request.backend, request.fromMs, request.toMs);
        this.#schedule();
        return { replayId };
      }
      case "parked_list":
        return requeue.parked(request.backend, request.afterId, request.limit);
      case "parked_retry":
        return this.#change(() => requeue.retryParked(request.backend, request.ids));
      case "parked_drop":
        return this.#change(() => requeue.dropParked(request.backend, request.ids));
      default:
        return request satisfies never;
    }
  }

  /** Commits what waits, syncs the daily file and closes everything. */
  async close(): Promise<void> {
    clearInterval(this.#houseKeeping);
    this.#commit();
    await this.#house;
    await this.#replays.close();
    await this.#files.close();
    this.#commit();
    this.#isClosed = true;
    this.#notePlaces();
    this.#database.close();
  }

  /** Resolves when everything stored so far is in synced daily files. */
  async settledFiles(): Promise<void> {
    await this.#files.sync();
  }

  /** Resolves when the house keeping that is under way has ended. */
  async settledHouse(): Promise<void> {
    await this.#house;
  }

  /** Stops at once, without writing anything more; what waits is lost, as in a crash. */
  abandon(): void {
    this.#isClosed = true;
    clearInterval(this.#houseKeeping);
    this.#files.abandon();
  }

  #change(work: () => number): { count: number } {
    const count = inTransaction(this.#database, work);
    this.#options.onAvailable();
    return { count };
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    const { commit_interval_ms: intervalMs } = this.#options.settings;
    if (intervalMs === 0) setImmediate(() => this.#commitGuarded());
    else setTimeout(() => this.#commitGuarded(), intervalMs);
  }

  #commitGuarded(): void {
    try {
      this.#commit();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  #commit(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const pending = this.#pending;
    const settlements = this.#settlements;
    this.#pending = [];
    this.#settlements = [];
    try {
      const { rows, apply, hasMore } = inTransaction(this.#database, () => this.#write(pending));
      apply();
      for (const { messages, answer } of pending) {
        answer({ type: "appended", sequences: messages.map(({ sequence }) => sequence) });
      }
      for (const answer of settlements) answer();
      this.#clock.look();
      this.#files.follow(rows);
      if (rows.length > 0) {
        this.#options.onStored(rows);
        this.#options.onAvailable();
      }
      if (hasMore) this.#schedule();
      this.#replays.feed();
    } catch (error) {
      this.#outbox.reload();
      if (isDamaged(error)) markDamaged(this.#options.directory, sentenceOf(error));
      if (!isDiskFull(error)) throw error;
      this.#settlements.unshift(...settlements); // known in memory, durable with the next commit that works
      this.#refuse(pending);
    }
  }

  /** Everything that one commit does, inside its transaction. */
  #write(pending: PendingBatch[]): { rows: NewRow[]; apply: () => void; hasMore: boolean } {
    const nowMs = this.#options.now();
    const time = { day: utcDay(nowMs), unproven: (timeMs: number) => this.#clock.unproven(timeMs) };
    const rows = pending.length === 0 ? [] : this.#outbox.append(pending, time);
    const applyPlaces = this.#backlog.writePlaces(nowMs);
    if (this.#mustSaveSynced) this.#outbox.setMeta("synced_id", this.#syncedId);
    if (pending.length > 0 && this.#refused > 0) this.#outbox.setMeta("refused", this.#refused);
    const { apply: applyDrops, isDropping } = this.#bounds.write(this.#syncedId, nowMs);
    const hasMoreDone = VARIANTS.map((variant) => this.#removeDone(variant)).includes(true);
    return {
      rows,
      hasMore: isDropping || hasMoreDone,
      apply: () => {
        applyPlaces();
        applyDrops();
        this.#mustSaveSynced = false;
      },
    };
  }

  /** Removes rows that nobody waits for. @returns true when there are more. */
  #removeDone(variant: Variant): boolean {
    const id = Math.min(this.#backlog.doneId(variant), this.#syncedId);
    if (id <= this.#removedIds[variant]) return false;
    const hasMore = this.#outbox.remove(variant, id, REMOVE_STEP) === REMOVE_STEP;
    if (!hasMore) this.#removedIds[variant] = id;
    return hasMore;
  }

  #refuse(pending: PendingBatch[]): void {
    const reason = "the disk is full; free some space, or lower storage.retention_days";
    for (const { messages, answer } of pending) {
      this.#refused += messages.length;
      answer({ type: "refused", sequences: messages.map(({ sequence }) => sequence), reason });
    }
    void removeOldestDay(this.#houseOptions());
    setTimeout(() => this.#schedule(), RETRY_MS);
  }

  #noteSynced(id: number): void {
    this.#syncedId = id;
    this.#mustSaveSynced = true;
    this.#schedule();
  }

  async #keepHouse(): Promise<void> {
    try {
      await keepHouse(this.#houseOptions());
      if (!this.#isClosed) this.#notePlaces();
    } catch (error) {
      this.#options.logger.exception(
        "finished days could not be compressed or removed; tried again in a minute",
        error,
      );
    }
  }

  #houseOptions() {
    const { settings, logger, now } = this.#options;
    return {
      directory: this.#directory,
      settings,
      logger,
      now,
      clockTrusted: () => this.#clock.trusted,
      isReleased: (day: string) => !this.#outbox.holdsDay(day),
      isSynced: (day: string) => !this.#outbox.holdsDay(day, this.#files.syncedId),
      letGo: (day: string) => this.#dailyFiles.letGo(day),
    };
  }

  /** For the day when the database is damaged; only while somebody's place could be lost. */
  #notePlaces(): void {
    const known = {
      storeId: String(this.#outbox.meta("store_id")),
      lastId: this.#outbox.lastId,
      places: this.#backlog.places.all(),
      corrections: this.#clock.corrections(),
    };
    if (known.places.length > 0 || known.corrections.length > 0) notePlaces(this.#options.directory, known);
  }

  #statistics(): StoreStatistics {
    const { directory } = this.#options;
    const backends = this.#backlog.statistics(this.#outbox.stored);
    const waiting = Object.values(backends).map((byVariant) =>
      Object.values(byVariant).reduce((sum, { waiting }) => sum + waiting, 0)
    );
    return {
      storeId: String(this.#outbox.meta("store_id")),
      lastId: this.#outbox.lastId,
      stored: this.#outbox.stored,
      waiting: Math.max(0, ...waiting),
      unsynced: this.#files.unsynced,
      refused: this.#refused,
      backends,
      databaseBytes: sizeBytes(databasePath(directory)) + sizeBytes(`${databasePath(directory)}-wal`),
      freeBytes: freeBytes(directory),
    };
  }
}
