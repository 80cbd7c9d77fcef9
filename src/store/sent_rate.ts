// Runs in: store worker.
import type { SentStatistics } from "../shared/protocol.ts";

/** One slot of the window, in milliseconds. */
const SLOT_MS = 5000;
/** The rate is that of the last minute. */
const SLOTS = 12;

/** How fast one backend's server acknowledges. */
export class SentRate {
  #counts = new Uint32Array(SLOTS);
  /** The slot of the newest count, since the monotonic zero. */
  #slot = 0;
  #startedMs: number;
  #lastMs: number | null = null;

  /** @param monotonicMs Milliseconds that never jump, as everywhere here. */
  constructor(monotonicMs: number) {
    this.#startedMs = monotonicMs;
    this.#slot = Math.floor(monotonicMs / SLOT_MS);
  }

  /** @param nowMs Unix milliseconds. */
  count(messages: number, monotonicMs: number, nowMs: number): void {
    this.#advance(monotonicMs);
    this.#counts[this.#slot % SLOTS]! += messages;
    this.#lastMs = nowMs;
  }

  read(monotonicMs: number): SentStatistics {
    this.#advance(monotonicMs);
    const coveredMs = Math.min(monotonicMs - this.#startedMs, (SLOTS - 1) * SLOT_MS + monotonicMs % SLOT_MS);
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    return { perSecond: sum / Math.max(1, coveredMs / 1000), lastMs: this.#lastMs };
  }

  #advance(monotonicMs: number): void {
    const slot = Math.floor(monotonicMs / SLOT_MS);
    for (let next = Math.max(this.#slot + 1, slot - SLOTS + 1); next <= slot; next++) {
      this.#counts[next % SLOTS] = 0;
    }
    this.#slot = Math.max(this.#slot, slot);
  }
}
