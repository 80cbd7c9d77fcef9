// Runs in: store worker.
import type { Logger } from "../shared/logger.ts";
import { messageDays } from "../shared/message_files.ts";
import { utcDay } from "../shared/time.ts";
import type { Clock } from "./clock.ts";
import type { DailyFiles } from "./daily_files.ts";
import { compressDay, expiredDays, finishedDays, removeDay } from "./day_archive.ts";
import type { Outbox } from "./outbox.ts";

const EVERY_MS = 60_000;
/** A wall clock that has left the monotonic one by more than this since the last time has jumped, in milliseconds. */
const JUMP_MS = 3_600_000;

export interface HouseKeeperOptions {
  files: DailyFiles;
  outbox: Outbox;
  clock: Clock;
  retentionDays: number | null;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Ids up to this one are in synced files. */
  syncedId: () => number;
  /** Nothing is to be done: the store is open for a command only. */
  isIdle: boolean;
  /** Called each time, for what else is to be done now and then. */
  alsoDo: () => void;
  /** Default: once a minute. */
  everyMs?: number;
}

/** Compresses finished days and removes those that are older than the retention, once a minute. */
export class HouseKeeper {
  #options: HouseKeeperOptions;
  #timer: ReturnType<typeof setInterval>;
  #work: Promise<void>;
  #isClosed = false;
  /** Wall clock minus monotonic clock, as of the last time. */
  #offsetMs: number;

  /** Begins at once, then goes on every minute, unless the store only serves a command. */
  constructor(options: HouseKeeperOptions) {
    this.#options = options;
    this.#isClosed = options.isIdle;
    this.#offsetMs = options.now() - options.monotonic();
    this.#work = this.#keepHouse();
    this.#timer = setInterval(
      () => this.#work = this.#work.then(() => this.#keepHouse()),
      options.everyMs ?? EVERY_MS,
    );
  }

  /** Resolves when the work that is under way has ended. */
  get settled(): Promise<void> {
    return this.#work;
  }

  /** The disk is full: the oldest day goes, if the retention says that days may go at all. */
  makeRoom(): void {
    this.#work = this.#work.then(() => this.#guarded(() => this.#removeOldest()));
  }

  /** Begins nothing more. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  #keepHouse(): Promise<void> {
    return this.#guarded(async () => {
      await this.#compress();
      await this.#removeExpired();
      if (!this.#isClosed) this.#options.alsoDo();
    });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return;
    try {
      await work();
    } catch (error) {
      const subject = "finished days could not be compressed or removed; tried again in a minute";
      this.#options.logger.exception(subject, error);
    }
  }

  async #removeOldest(): Promise<void> {
    const { files, retentionDays, now } = this.#options;
    const oldest = messageDays(files.directory)[0];
    if (retentionDays === null || oldest === undefined || oldest === utcDay(now())) return;
    await this.#remove(oldest);
  }

  async #compress(): Promise<void> {
    const { files, outbox, now, syncedId } = this.#options;
    for (const day of finishedDays(files.directory, utcDay(now()))) {
      if (this.#isClosed || outbox.holdsDay(day, syncedId())) continue; // its file is not whole yet
      files.letGo(day);
      await this.#guarded(() => compressDay(files.directory, day));
    }
  }

  /** Only a right clock may remove; whether one that has just jumped is, the next time will know. */
  async #removeExpired(): Promise<void> {
    const { files, clock, retentionDays, now } = this.#options;
    if (this.#hasJumped() || this.#isClosed || retentionDays === null || !clock.trusted) return;
    for (const day of await expiredDays(files.directory, retentionDays, now())) await this.#remove(day);
  }

  #hasJumped(): boolean {
    const { now, monotonic } = this.#options;
    const jumpMs = now() - monotonic() - this.#offsetMs;
    this.#offsetMs += jumpMs;
    return Math.abs(jumpMs) > JUMP_MS;
  }

  /** A day that a backend still waits for stays. */
  async #remove(day: string): Promise<void> {
    const { files, outbox, logger } = this.#options;
    if (this.#isClosed || outbox.holdsDay(day)) return;
    files.letGo(day);
    await removeDay(files.directory, day);
    logger.info(`removed the messages of ${day}`);
  }
}
