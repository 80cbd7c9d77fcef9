// Runs in: store worker.
import type { StorageSettings } from "../shared/config.ts";
import type { Variant } from "../shared/message.ts";
import type { Backlog } from "./backlog.ts";
import { type Database, sizeMeter } from "./database.ts";
import { freeBytes } from "./disk.ts";

/** How many messages leave at once, per commit: a longer step would hold up the next one. */
const DROP_STEP = 2000;
/** Free space is looked at no more often than this, in milliseconds. */
const LOOK_EVERY_MS = 1000;
/** Drops are logged at once the first time and then once in this time, in milliseconds. */
const LOG_EVERY_MS = 3_600_000;
const MEGABYTE = 1_000_000;

/** Data goes before logs; configuration status never goes. */
const DROP_ORDER: readonly Variant[] = ["data", "log"];

const NOTHING = { isDropping: false, apply: () => {} };

export interface BoundsOptions {
  directory: string;
  database: Database;
  backlog: Backlog;
  settings: StorageSettings;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** A sentence about drops, at most once an hour. */
  onDropped: (sentence: string) => void;
  freeBytes?: (path: string) => number;
}

/** Keeps the outbox within `storage.max_outbox_mb` and lets old data leave it while the disk is short of space. */
export class Bounds {
  #options: BoundsOptions;
  #freeBytes = Infinity;
  #lookedMs = -Infinity;
  #loggedMs = -Infinity;
  #unlogged = 0;

  #usedBytes: () => number;

  constructor(options: BoundsOptions) {
    this.#options = options;
    this.#usedBytes = sizeMeter(options.database);
  }

  /** True when the disk has less free space than `storage.min_free_mb`. */
  get isShort(): boolean {
    const { monotonic, directory, settings } = this.#options;
    if (monotonic() - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#lookedMs = monotonic();
      this.#freeBytes = (this.#options.freeBytes ?? freeBytes)(directory);
    }
    return this.#freeBytes < settings.min_free_mb * MEGABYTE;
  }

  /**
   * Lets the oldest messages leave that only backends still wait for, when the outbox is too large or the disk short;
   * they stay in the daily files. Call it in a transaction.
   *
   * @returns whether anything left, and what to do once the transaction is committed.
   */
  write(syncedId: number, nowMs: number): { isDropping: boolean; apply: () => void } {
    const { settings, backlog } = this.#options;
    if (backlog.backends.length === 0) return NOTHING;
    if (this.#usedBytes() <= settings.max_outbox_mb * MEGABYTE && !this.isShort) return NOTHING;
    for (const variant of DROP_ORDER) {
      const { dropped, apply } = backlog.writeDrop(variant, syncedId, DROP_STEP, nowMs);
      if (dropped === 0) continue;
      return {
        isDropping: true,
        apply: () => {
          apply();
          this.#report(dropped);
        },
      };
    }
    return NOTHING;
  }

  #report(dropped: number): void {
    this.#unlogged += dropped;
    const { monotonic, onDropped, settings } = this.#options;
    if (monotonic() - this.#loggedMs < LOG_EVERY_MS) return;
    const why = this.isShort
      ? `less than ${settings.min_free_mb} MB of the disk are free`
      : `the outbox is larger than ${settings.max_outbox_mb} MB`;
    onDropped(
      `${this.#unlogged} old messages were given up for backends because ${why}; they stay in the daily files`,
    );
    this.#loggedMs = monotonic();
    this.#unlogged = 0;
  }
}
