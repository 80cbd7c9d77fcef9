// Runs in: any thread.

export interface BucketOptions {
  /** How much may come at once. */
  burst: number;
  /** How much may come for ever. */
  perSecond: number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
}

/** Counts what comes against a rate: a leaky bucket. */
export class Bucket {
  #options: BucketOptions;
  /** How much of the burst is used up. */
  #level = 0;
  #countedMs = 0;

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** So much more wants in. @returns false when it is too much; it is not counted then. */
  take(amount = 1): boolean {
    const { burst, perSecond, monotonic } = this.#options;
    const nowMs = monotonic();
    const drained = (nowMs - this.#countedMs) / 1000 * perSecond;
    this.#countedMs = nowMs;
    this.#level = Math.max(0, this.#level - drained);
    if (this.#level + amount > burst) return false;
    this.#level += amount;
    return true;
  }
}
