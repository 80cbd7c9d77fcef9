// Runs in: store worker.
import type { SeriesAnswer, SeriesQuery } from "../shared/protocol.ts";

/** What one bucket covers, in milliseconds. */
const MINUTE_MS = 60_000;
/** How many buckets there are per key: a day. */
const MINUTES = 1440;
/** Values that claim to be from later than this are not believed, in milliseconds. */
const AHEAD_MS = 5 * MINUTE_MS;
/** 32 bytes per bucket make 46 kB per key. */
const MAX_KEYS = 200;
const DEFAULT_POINTS = 300;
/** Points of all keys of one answer together: it is made in one go, while messages wait. */
const MAX_POINTS = 60_000;

/** The last 24 hours of every numeric key as minutes, in memory of fixed size. */
export class Series {
  #keys = new Map<string, Minutes>();
  #leftOut = new Set<string>();
  #now: () => number;

  /** @param now Unix milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Adds the numbers of one measurement. */
  add(timeMs: number, data: Record<string, unknown>): void {
    const age = this.#now() - timeMs;
    if (age >= MINUTES * MINUTE_MS || age < -AHEAD_MS) return;
    for (const [key, value] of Object.entries(data)) {
      if (typeof value === "number" && Number.isFinite(value)) this.#minutesOf(key)?.add(timeMs, value);
    }
  }

  /** Joins minutes to as many points as are asked for; where nothing was measured there is null. */
  read({ keys, fromMs, toMs, points }: SeriesQuery): SeriesAnswer {
    const now = this.#now();
    const end = Math.min(toMs ?? now, now + AHEAD_MS);
    const start = Math.min(end, Math.max(fromMs ?? 0, now - MINUTES * MINUTE_MS));
    const names = keys === null ? [...this.#keys.keys()].sort() : [...new Set(keys)];
    const known = names.filter((key) => this.#keys.has(key));
    const most = Math.floor(MAX_POINTS / Math.max(1, known.length));
    const asked = Math.max(1, Math.min(points ?? DEFAULT_POINTS, MINUTES, most));
    const bucketMs = Math.max(1, Math.ceil((end - start) / MINUTE_MS / asked)) * MINUTE_MS;
    const alignedMs = Math.floor(start / bucketMs) * bucketMs;
    const count = Math.floor((end - alignedMs) / bucketMs) + 1;
    return {
      fromMs: alignedMs,
      bucketMs,
      keys: Object.fromEntries(
        known.map((
          key,
        ) => [key, this.#keys.get(key)!.read(alignedMs / MINUTE_MS, bucketMs / MINUTE_MS, count)]),
      ),
      leftOut: this.#leftOut.size,
    };
  }

  #minutesOf(key: string): Minutes | undefined {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    if (this.#keys.size >= MAX_KEYS) {
      if (this.#leftOut.size < MAX_KEYS) this.#leftOut.add(key);
      return undefined;
    }
    const minutes = new Minutes();
    this.#keys.set(key, minutes);
    return minutes;
  }
}

/** A ring of minutes of one key. */
class Minutes {
  /** Which minute since 1970 a place holds; 0 = none. */
  #minutes = new Uint32Array(MINUTES);
  #counts = new Uint32Array(MINUTES);
  #means = new Float64Array(MINUTES);
  #mins = new Float64Array(MINUTES);
  #maxs = new Float64Array(MINUTES);

  add(timeMs: number, value: number): void {
    const minute = Math.floor(timeMs / MINUTE_MS);
    const at = minute % MINUTES;
    if (this.#minutes[at]! > minute) return;
    if (this.#minutes[at] !== minute) {
      this.#minutes[at] = minute;
      this.#counts[at] = 0;
      this.#means[at] = 0;
      this.#mins[at] = value;
      this.#maxs[at] = value;
    }
    const count = ++this.#counts[at]!;
    this.#means[at]! += (value - this.#means[at]!) / count;
    this.#mins[at] = Math.min(this.#mins[at]!, value);
    this.#maxs[at] = Math.max(this.#maxs[at]!, value);
  }

  read(fromMinute: number, step: number, count: number): SeriesAnswer["keys"][string] {
    const joined = Array.from({ length: count }, (_, index) => this.#join(fromMinute + index * step, step));
    return {
      mean: joined.map((bucket) => bucket?.mean ?? null),
      min: joined.map((bucket) => bucket?.min ?? null),
      max: joined.map((bucket) => bucket?.max ?? null),
    };
  }

  #join(fromMinute: number, step: number): { mean: number; min: number; max: number } | undefined {
    let count = 0;
    let sum = 0;
    let min = Infinity;
    let max = -Infinity;
    for (let minute = fromMinute; minute < fromMinute + step; minute++) {
      const at = minute % MINUTES;
      if (this.#minutes[at] !== minute) continue;
      count += this.#counts[at]!;
      sum += this.#means[at]! * this.#counts[at]!;
      min = Math.min(min, this.#mins[at]!);
      max = Math.max(max, this.#maxs[at]!);
    }
    return count === 0 ? undefined : { mean: sum / count, min, max };
  }
}
