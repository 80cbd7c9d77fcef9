// Runs in: main thread.

const FIRST_MS = 1000;
const LIMIT_MS = 15 * 60_000;
/** A worker that lived this long was healthy: the next failure starts over. */
const HEALTHY_MS = 60_000;

/** Delays before the restarts of one worker. */
export interface Backoff {
  /** Failures in a row. */
  readonly failures: number;
  /** The delay after a failure. @param livedMs How long the worker lived before it. */
  next(livedMs: number): number;
  /** A delay for the failures so far, when the one that counted them is gone. */
  again(): number;
}

/**
 * The ceiling of the delays is 1 s and doubles to 15 min, each is drawn evenly below it (full jitter).
 *
 * @param random In [0, 1).
 * @param failures How many there were before.
 */
export function createBackoff(random: () => number, failures = 0): Backoff {
  const again = () => random() * Math.min(LIMIT_MS, FIRST_MS * 2 ** (failures - 1));
  return {
    get failures() {
      return failures;
    },
    next(livedMs) {
      failures = livedMs >= HEALTHY_MS ? 1 : failures + 1;
      return again();
    },
    again,
  };
}
