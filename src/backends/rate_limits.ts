// Runs in: backend worker.

/** At most `amount` within any `periodMs`. */
export interface Rate {
  amount: number;
  periodMs: number;
}

/** What we allow ourselves of what the server allows: its clock and the network's delays are not ours. */
const SHARE = 0.9;
const STRETCH = 1.1;
/** Pieces into which the time before the start is divided. */
const PIECES = 10;
const MAX_RATES = 10;
/** So many moments of a period are told apart: the server may allow millions of messages in it. */
const MAX_ENTRIES = 1000;
const MAX_NUMBER = 1_000_000_000;

/**
 * Reads `"20:1,600:60"` (20 per 1 s, 600 per 60 s).
 *
 * @returns undefined when it is nonsense; no rates when it is empty.
 */
export function parseRates(text: unknown): Rate[] | undefined {
  if (text === undefined || text === null || text === "") return [];
  if (typeof text !== "string") return undefined;
  const parts = text.split(",");
  if (parts.length > MAX_RATES) return undefined;
  const rates = parts.map((part) => /^\s*(\d{1,10}):(\d{1,10})\s*$/.exec(part));
  const found = rates.map((match) => ({ amount: Number(match?.[1]), periodMs: Number(match?.[2]) * 1000 }));
  const isSane = ({ amount, periodMs }: Rate) =>
    amount >= 1 && periodMs >= 1000 && amount <= MAX_NUMBER && periodMs <= MAX_NUMBER;
  return found.every(isSane) ? found : undefined;
}

/** Keeps to rates: nothing is counted before it fits into every one of them. */
export interface RateLimiter {
  /** Largest amount that fits at all. */
  readonly most: number;
  /** How long an amount has to wait until it fits, in milliseconds; 0 = now. */
  waitMs(amount: number): number;
  /** Counts an amount, whether it fits or not. */
  count(amount: number): void;
}

/**
 * @param monotonic Milliseconds that never jump. What was sent before is not known, so it counts as if the node had always
 * gone as fast as it may.
 */
export function createRateLimiter(rates: Rate[], monotonic: () => number): RateLimiter {
  const windows = rates.map((rate) => createWindow(rate, monotonic()));
  return {
    most: Math.min(Infinity, ...windows.map(({ capacity }) => capacity)),
    waitMs: (amount) => Math.max(0, ...windows.map((window) => window.waitMs(amount, monotonic()))),
    count(amount) {
      for (const window of windows) window.count(amount, monotonic());
    },
  };
}

function createWindow({ amount, periodMs }: Rate, startMs: number) {
  const capacity = Math.max(1, Math.floor(amount * SHARE));
  const spanMs = periodMs * STRETCH;
  /** Each stands for what was sent from one moment to another, and counts as if all of it had been at the end. */
  const entries: { fromMs: number; atMs: number; amount: number }[] = [];
  let sum = 0;
  const count = (size: number, nowMs: number) => {
    const last = entries.at(-1);
    if (last !== undefined && nowMs < last.fromMs + spanMs / MAX_ENTRIES) {
      last.atMs = nowMs;
      last.amount += size;
    } else entries.push({ fromMs: nowMs, atMs: nowMs, amount: size });
    sum += size;
  };
  const expire = (nowMs: number) => {
    while (entries.length > 0 && entries[0]!.atMs <= nowMs - spanMs) sum -= entries.shift()!.amount;
  };
  for (let piece = 1; piece <= PIECES; piece++) {
    count(capacity / PIECES, startMs - spanMs + spanMs * piece / PIECES);
  }
  return {
    capacity,
    count,
    waitMs(size: number, nowMs: number): number {
      expire(nowMs);
      let tooMuch = sum + size - capacity;
      for (const entry of entries) {
        if (tooMuch <= 1e-6) break;
        tooMuch -= entry.amount;
        if (tooMuch <= 1e-6 || entry === entries.at(-1)) return Math.max(1, entry.atMs + spanMs - nowMs);
      }
      return 0;
    },
  };
}
