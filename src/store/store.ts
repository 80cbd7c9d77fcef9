// Runs in: store worker.
import { join } from "node:path";
import { diskSpace } from "../shared/disk_space.ts";
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Variant } from "../shared/message.ts";
import type { NewRow } from "../shared/message_line.ts";
import type {
  LeasedMessage,
  Producer,
  SentStatistics,
  SeriesAnswer,
  SeriesQuery,
  StoreAnswers,
  StoreOpening,
  StoreRequest,
  StoreStatistics,
} from "../shared/protocol.ts";
import { Backlog, type Settlement } from "./backlog.ts";
import { Bounds } from "./bounds.ts";
import { Charts, type Points } from "./charts.ts";
import { Clock } from "./clock.ts";
import { Committer, type PendingBatch } from "./committer.ts";
import { DailyFiles } from "./daily_files.ts";
import { DatabaseFile } from "./database_file.ts";
import { type Database, databasePath, inTransaction, isDamaged } from "./database.ts";
import { sizeBytes } from "./disk.ts";
import { FileFollower } from "./file_follower.ts";
import { HouseKeeper } from "./house_keeping.ts";
import { Outbox } from "./outbox.ts";
import { notePlaces } from "./known_places.ts";
import { markDamaged } from "./recovery.ts";
import { Replays } from "./replay.ts";
import type { Schema } from "./schema.ts";
import { SentRate } from "./sent_rate.ts";

export interface StoreOptions extends StoreOpening {
  /** The database's tables; default: those of this version. */
  schema?: Schema;
  logger: Logger;
  /** Unix milliseconds; may jump. */
  now: () => number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Told of every message after it was stored. */
  onStored: (rows: NewRow[]) => void;
  /** Told of the newest numbers while somebody watches them. */
  onPoints: (points: Points) => void;
  /** There may be something to lease. */
  onAvailable: () => void;
  /** Told when the store cannot go on; its successor picks up what is committed. */
  onFailure: (error: unknown) => void;
}

/** What is answered at once. */
export type PromptRequest = Exclude<StoreRequest, { kind: "series" }>;

/**
 * The store: a commit makes a message safe and is answered; then its line is written to the daily file, which is
 * reconciled after a crash. A row leaves the outbox when its daily file is synced and every backend is done with it.
 */
export class Store {
  #options: StoreOptions;
  #database: Database;
  #file: DatabaseFile;
  #outbox: Outbox;
  #clock: Clock;
  #backlog: Backlog;
  #committer: Committer;
  #follower: FileFollower;
  #replays: Replays;
  #houseKeeper: HouseKeeper;
  #charts: Charts;
  /** Resolves when the database has been put back; see {@link #putBack}. */
  #moving: Promise<void> = Promise.resolve();
  #sent = new Map<string, SentRate>();

  constructor(database: Database, options: StoreOptions) {
    const { boot, clockTrusted: trusted, now, monotonic, settings, logger, directory } = options;
    this.#options = options;
    this.#database = database;
    const outbox = this.#outbox = new Outbox(database, options.runId);
    this.#file = new DatabaseFile(database, directory);
    const clock = this.#clock = new Clock({ database, boot, trusted, now, monotonic });
    const backlog = this.#backlog = new Backlog(database, (row) => clock.correct(row));
    const warn = (sentence: string) => logger.warning(sentence);
    const bounds = new Bounds({ directory, database, backlog, settings, monotonic, onDropped: warn });
    const onFailure = (error: unknown) => this.#fail(error);
    this.#committer = new Committer({
      database,
      outbox,
      backlog,
      bounds,
      clock,
      intervalMs: settings.commit_interval_ms,
      now,
      onCommitted: (rows) => this.#committed(rows),
      isInPlace: () => this.#file.isInPlace,
      onMoved: (answer) => this.#moving = this.#putBack(answer),
      onDiskFull: () => this.#houseKeeper.makeRoom(),
      onFailure,
    });
    const files = new DailyFiles(join(directory, "messages"), { now, onPutAside: warn });
    const onSynced = (id: number) => this.#committer.noteSynced(id);
    this.#follower = new FileFollower({ files, outbox, logger, onSynced, onFailure });
    this.#replays = new Replays({
      database,
      backlog,
      directory: files.directory,
      correct: (row) => clock.correct(row),
      onFed: options.onAvailable,
      onFailure,
    });
    this.#charts = new Charts({
      directory: files.directory,
      correct: (row) => clock.correct(row),
      lastId: () => outbox.lastId,
      now,
      onPoints: options.onPoints,
    });
    if (options.backends !== null) this.#writeBackends(options.backends);
    const repaired = inTransaction(database, () => backlog.places.repair(outbox.stored));
    for (const sentence of repaired) logger.info(sentence);
    this.#follower.announceSynced();
    this.#houseKeeper = new HouseKeeper({
      files,
      outbox,
      clock,
      retentionDays: settings.retention_days,
      logger,
      now,
      monotonic,
      syncedId: () => this.#follower.syncedId,
      isIdle: options.backends === null,
      alsoDo: () => {
        this.#notePlaces();
        this.#committer.schedule(); // nothing may be stored for long, and yet the database's files have to be there
      },
    });
  }

  /** Puts a batch into the next commit. */
  append(batch: PendingBatch): void {
    this.#committer.append(batch);
  }

  /** A producer has ended: its name and generation never come again. */
  forget(producer: Producer): void {
    this.#committer.forget(producer);
  }

  lease(
    backend: string,
    maxMessages: number,
    maxBytes: number,
    without: readonly Variant[] = [],
  ): LeasedMessage[] {
    return this.#backlog.lease(backend, maxMessages, maxBytes, without);
  }

  /** Puts what a backend says of leased messages into the next commit. */
  settle(backend: string, settlement: Settlement, answer: (ids: number[]) => void): void {
    const ids = this.#backlog.settle(backend, settlement);
    if (settlement.type === "acknowledge") this.#countSent(backend, ids.length);
    this.#committer.settle(() => answer(ids));
    if (settlement.type === "give_back") this.#options.onAvailable();
  }

  /** A backend's worker has ended: what it had leased returns. */
  giveAllBack(backend: string): void {
    this.#backlog.giveAllBack(backend);
  }

  /** Takes the configured backends over: a new one starts at "now", what waited for a removed one is let go. */
  setBackends(names: string[]): void {
    const known = this.#backlog.backends;
    if (names.length === known.length && known.every((name) => names.includes(name))) return;
    this.#committer.commit(); // what has been settled is written down before memory starts anew
    this.#writeBackends(names);
  }

  /** Another thread has found the database damaged: the next store rebuilds it. */
  reportDamage(reason: string): void {
    this.#fail(new Error(`database disk image is malformed: ${reason}`));
  }

  /** The wall clock has been found right. */
  trustClock(): void {
    const offMs = inTransaction(this.#database, () => this.#clock.writeTrust());
    if (offMs === undefined) return;
    this.#options.logger.info(
      `the clock is right now; until here it was off by ${(offMs / 1000).toFixed(1)} s`,
    );
  }

  /** The wall clock has jumped, and nobody says that it is right. */
  distrustClock(): void {
    this.#clock.distrust();
  }

  /** Numbers of the last 24 hours. */
  async series(query: SeriesQuery): Promise<SeriesAnswer> {
    return await this.#charts.read(query);
  }

  watchPoints(watching: boolean): void {
    this.#charts.watch(watching);
  }

  request<K extends PromptRequest["kind"]>(request: PromptRequest & { kind: K }): StoreAnswers[K];
  request(request: PromptRequest): StoreAnswers[PromptRequest["kind"]] {
    const { requeue } = this.#backlog;
    switch (request.kind) {
      case "statistics":
        return this.#statistics();
      case "corrections":
        return this.#clock.corrections();
      case "replay": {
        const replayId = this.#replays.start(request.backend, request.fromMs, request.toMs);
        this.#committer.schedule();
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

  /** Resolves when everything stored so far is in synced daily files, and finished days are compressed. */
  async settled(): Promise<void> {
    await this.#follower.sync();
    await this.#houseKeeper.settled;
  }

  /** Commits what waits, syncs the daily file and closes everything. */
  async close(): Promise<void> {
    this.#houseKeeper.close();
    this.#charts.close();
    this.#committer.commit();
    await this.#moving;
    await this.#houseKeeper.settled;
    await this.#replays.close();
    await this.#follower.close();
    this.#committer.commit();
    this.#committer.close();
    await this.#moving;
    try {
      this.#notePlaces();
    } catch (error) {
      this.#options.logger.warning("the backends' places could not be noted", error);
    }
    this.#database.close();
  }

  /** Stops at once, without writing anything more; what waits is lost, as in a crash. */
  abandon(): void {
    this.#houseKeeper.close();
    this.#charts.close();
    this.#committer.close();
    this.#replays.abandon();
    this.#follower.abandon();
  }

  /**
   * The database's name leads elsewhere: what is committed is put where it leads before anybody is told that it is safe.
   * Then this store ends, and its successor goes on with the copy.
   */
  async #putBack(answer: () => void): Promise<void> {
    const { logger, now, directory } = this.#options;
    const path = databasePath(directory);
    this.#houseKeeper.close();
    try {
      await this.#houseKeeper.settled;
      await this.#replays.close();
      await this.#file.putBack(now());
      answer();
      logger.warning(
        `${path} was removed or replaced while in use; it has been put back, nothing is missing`,
      );
      this.#fail(new Error(`${path} is another file now; the store starts anew with it`));
    } catch (error) {
      logger.exception(`${path} was removed or replaced while in use, and could not be put back`, error);
      this.#fail(new Error(`${path} has been lost`, { cause: error }));
    }
  }

  #writeBackends(names: string[]): void {
    const { lastId, stored } = this.#outbox;
    const isNew = names.some((name) => !this.#backlog.backends.includes(name));
    const released = inTransaction(this.#database, () => {
      if (isNew) this.#outbox.saveCounters(); // no id may come again that it has passed, though a full disk took its row
      return this.#backlog.writeBackends(names, lastId, stored);
    });
    this.#backlog.reload();
    for (const [name, count] of Object.entries(released)) {
      this.#options.logger.info(`backend "${name}" was removed: ${count} messages no longer wait for it`);
    }
    this.#committer.schedule();
  }

  #committed(rows: NewRow[]): void {
    this.#follower.follow(rows);
    this.#replays.feed();
    if (rows.length === 0) return;
    this.#options.onStored(rows);
    this.#charts.add(rows);
    this.#options.onAvailable();
  }

  /** Stores nothing more: what failed is sent again to the successor, and later messages must not overtake it. */
  #fail(error: unknown): void {
    this.abandon();
    try {
      if (isDamaged(error)) markDamaged(this.#options.directory, sentenceOf(error));
    } finally {
      this.#options.onFailure(error);
    }
  }

  #countSent(backend: string, messages: number): void {
    const { monotonic, now } = this.#options;
    const rate = this.#sent.get(backend) ?? new SentRate(monotonic());
    this.#sent.set(backend, rate);
    rate.count(messages, monotonic(), now());
  }

  #sentStatistics(): Record<string, SentStatistics> {
    const monotonicMs = this.#options.monotonic();
    return Object.fromEntries(this.#backlog.backends.map((backend) => [
      backend,
      this.#sent.get(backend)?.read(monotonicMs) ?? { perSecond: 0, lastMs: null },
    ]));
  }

  #change(work: () => number): { count: number } {
    const count = inTransaction(this.#database, work);
    this.#committer.schedule();
    this.#options.onAvailable();
    return { count };
  }

  /** For the day when the database is damaged; only where somebody's place could be lost. */
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
    const { stored, lastId } = this.#outbox;
    const backends = this.#backlog.statistics(stored);
    const waiting = Object.values(backends).map((byVariant) =>
      Object.values(byVariant).reduce((sum, { waiting }) => sum + waiting, 0)
    );
    return {
      storeId: String(this.#outbox.meta("store_id")),
      lastId,
      stored,
      waiting: Math.max(0, ...waiting),
      unsynced: this.#follower.unsynced,
      refused: this.#committer.refused,
      backends,
      sent: this.#sentStatistics(),
      databaseBytes: sizeBytes(databasePath(directory)) + sizeBytes(`${databasePath(directory)}-wal`),
      freeBytes: diskSpace(directory).freeBytes,
    };
  }
}
