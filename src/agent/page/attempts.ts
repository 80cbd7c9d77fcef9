// Runs in: main thread.

/** How many wrong tokens may come at once. */
const BURST = 10;
/** After how long another one may come, in milliseconds. */
const REFILL_MS = 2000;

/**
 * Limits how often a token may be tried, whoever tries: a counter that is refilled slowly. While it is empty no token
 * is looked at, not even the right one; who has logged in does not notice.
 */
export class Attempts {
  #now: () => number;
  #left = BURST;
  #refilledMs: number;

  /** @param now Milliseconds that never jump. */
  constructor(now: () => number) {
    this.#now = now;
    this.#refilledMs = now();
  }

  /** True when a token may be looked at. */
  get areAllowed(): boolean {
    const refills = Math.floor((this.#now() - this.#refilledMs) / REFILL_MS);
    this.#left = Math.min(BURST, this.#left + refills);
    this.#refilledMs += refills * REFILL_MS;
    return this.#left > 0;
  }

  /** A wrong token has come. */
  countFailure(): void {
    this.#left--;
  }
}
