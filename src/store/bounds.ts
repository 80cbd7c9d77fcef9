// Runs in: store worker.
import type { StorageSettings } from "../shared/config.ts";
import { type DiskLimits, diskLimits } from "../shared/disk_limits.ts";
import { type DiskSpace, diskSpace } from "../shared/disk_space.ts";
import type { Variant } from "../shared/message.ts";
import { formatBytes } from "../shared/time.ts";
import type { Backlog, BacklogSteps } from "./backlog.ts";
import { type Database, sizeMeter } from "./database.ts";

/** How many messages leave at once, per commit: a longer step would hold up the next one. */
const DROP_STEP = 2000;
/** Free space is looked at no more often than this, in milliseconds. */
const LOOK_EVERY_MS = 1000;
/** Drops are logged at once the first time and then once in this time, in milliseconds. */
const LOG_EVERY_MS = 3_600_000;

/** Data goes before logs; configuration status never goes. */
const DROP_ORDER: readonly Variant[] = ["data", "log"];

export interface BoundsOptions {
  directory: string;
  database: Database;
  backlog: Backlog;
  settings: StorageSettings;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** A sentence about drops, at most once an hour. */
  onDropped: (sentence: string) => void;
  /** Default: as the system says. */
  diskSpace?: (path: string) => DiskSpace;
}

/** Keeps the outbox within the limits of `storage` that hold on this disk, see {@link diskLimits}. */
export class Bounds {
  #options: BoundsOptions;
  #disk: (DiskSpace & DiskLimits) | undefined;
  #lookedMs = -Infinity;
  #loggedMs = -Infinity;
  #unlogged = 0;

  #usedBytes: () => number;

  constructor(options: BoundsOptions) {
    this.#options = options;
    this.#usedBytes = sizeMeter(options.database);
  }

  /** Space and limits of the disk, which may grow, or be another one, while the node runs. */
  #look(): DiskSpace & DiskLimits {
    const { monotonic, directory, settings } = this.#options;
    if (this.#disk === undefined || monotonic() - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#lookedMs = monotonic();
      const space = (this.#options.diskSpace ?? diskSpace)(directory);
      this.#disk = { ...space, ...diskLimits(settings, space.sizeBytes) };
    }
    return this.#disk;
  }

  /**
   * Lets the oldest messages leave that only backends still wait for, when the outbox is too large or the disk short;
   * they stay in the daily files. Call it in a transaction.
   *
   * @param steps Of the same transaction; what happens here is added.
   * @returns whether there may be more to give up.
   */
  write(steps: BacklogSteps, syncedId: number, nowMs: number): boolean {
    const { backlog } = this.#options;
    if (backlog.backends.length === 0) return false;
    const { freeBytes, minFreeBytes, maxOutboxBytes } = this.#look();
    if (this.#usedBytes() <= maxOutboxBytes && freeBytes >= minFreeBytes) return false;
    for (const variant of DROP_ORDER) {
      const { dropped, hasMoved } = backlog.writeDrop(steps, variant, { syncedId, limit: DROP_STEP, nowMs });
      if (dropped > 0) steps.later(() => this.#report(dropped));
      if (hasMoved) return true;
    }
    return false;
  }

  #report(dropped: number): void {
    this.#unlogged += dropped;
    const { monotonic, onDropped } = this.#options;
    if (monotonic() - this.#loggedMs < LOG_EVERY_MS) return;
    const { freeBytes, minFreeBytes, maxOutboxBytes } = this.#look();
    const why = freeBytes < minFreeBytes
      ? `less than ${formatBytes(minFreeBytes)} of the disk are free`
      : `the outbox is larger than ${formatBytes(maxOutboxBytes)}`;
    onDropped(
      `${this.#unlogged} old messages were given up for backends because ${why}; they stay in the daily files`,
    );
    this.#loggedMs = monotonic();
    this.#unlogged = 0;
  }
}
