// Runs in: any thread.

/** The last millisecond of the year 9999, Unix time: later ones cannot be written down as a date of four digits. */
export const MAX_TIME_MS = 253_402_300_799_999;

/** The UTC day of a moment, as the daily files are named: `2026-11-22`. */
export function utcDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** A duration for people: `0.4 s`, `42 s`, `12 min`, `3 h 20 min`, `5 d 2 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 9950) return `${(Math.max(0, durationMs) / 1000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A size for people, in powers of 1000: `512 B`, `1.6 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const exponent = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** exponent;
  return `${exponent === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[exponent]}`;
}

/** A timer that is set for longer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits, or until the signal aborts; never rejects.
 *
 * @returns true when the whole time passed.
 */
export async function pause(durationMs: number, signal?: AbortSignal): Promise<boolean> {
  let leftMs = durationMs;
  for (; leftMs > LONGEST_TIMER_MS; leftMs -= LONGEST_TIMER_MS) {
    if (!await pauseOnce(LONGEST_TIMER_MS, signal)) return false;
  }
  return await pauseOnce(leftMs, signal);
}

function pauseOnce(durationMs: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onAbort = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(true);
    }, durationMs);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Settles with the promise, or with `late` when that takes longer than `limitMs`. */
export async function withLimit<T, L>(promise: Promise<T>, limitMs: number, late: L): Promise<T | L> {
  const done = new AbortController();
  try {
    return await Promise.race([promise, pause(limitMs, done.signal).then(() => late)]);
  } finally {
    done.abort();
  }
}
