// Runs in: main thread.

const FIRST_MS = 1000;
const LIMIT_MS = 15 * 60_000;
/** A worker that lived this long was healthy: the next failure starts over. */
const HEALTHY_MS = 60_000;

/**
 * Delays before restarts: the ceiling is 1 s and doubles to 15 min, the delay is drawn evenly below it (full jitter).
 *
 * @param random In [0, 1).
 */
export function createBackoff(random: () => number): { next(livedMs: number): number } {
  let failures = 0;
  return {
    /** @param livedMs How long the worker lived before it failed. */
    next(livedMs) {
      if (livedMs >= HEALTHY_MS) failures = 0;
      const ceilingMs = Math.min(LIMIT_MS, FIRST_MS * 2 ** failures);
      failures++;
      return random() * ceilingMs;
    },
  };
}
