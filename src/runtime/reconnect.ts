// Runs in: backend worker.

/** How long to wait before connecting again. Times in milliseconds. */
export interface ReconnectTiming {
  /** Ceiling of the first delay. Default 1 s. */
  firstMs: number;
  /** Ceiling of every delay. Default 5 min. */
  limitMs: number;
  /** A connection that held this long was a good one: the next failure starts over. Default 60 s. */
  stableMs: number;
  /** At most `burst` attempts in any `burstMs`. Default 12 in 10 min. */
  burst: number;
  /** See `burst`. */
  burstMs: number;
}

export const RECONNECT_TIMING: ReconnectTiming = {
  firstMs: 1000,
  limitMs: 300_000,
  stableMs: 60_000,
  burst: 12,
  burstMs: 600_000,
};

/** A fleet whose server restarts loses its connections at once; it comes back spread over 2^5 first ceilings. */
const FLEET_DOUBLINGS = 5;

export interface Reconnect {
  /** To be called when an attempt begins. */
  attempt(): void;
  /**
   * The delay before the next attempt: evenly drawn below a ceiling that doubles with each failure (full jitter).
   *
   * @param heldMs How long the connection held; 0 when there was none.
   * @param byServer The server ended it: probably not only ours.
   */
  delayMs(heldMs: number, byServer: boolean): number;
}

/**
 * @param options.monotonic Milliseconds that never jump.
 * @param options.random In [0, 1).
 */
export function createReconnect(
  { timing, monotonic, random }: { timing: ReconnectTiming; monotonic: () => number; random: () => number },
): Reconnect {
  let failures = 0;
  const attempts: number[] = [];
  return {
    attempt() {
      attempts.push(monotonic());
      if (attempts.length > timing.burst) attempts.shift();
    },
    delayMs(heldMs, byServer) {
      if (heldMs >= timing.stableMs) failures = byServer ? FLEET_DOUBLINGS : 0;
      const ceilingMs = Math.min(timing.limitMs, timing.firstMs * 2 ** failures);
      failures++;
      const isBurst = attempts.length === timing.burst;
      const burstEndsMs = isBurst ? attempts[0]! + timing.burstMs - monotonic() : 0;
      return Math.max(random() * ceilingMs, burstEndsMs);
    },
  };
}
