// Runs in: backend worker.

const START = 100;
const MAX = 4000;
/** A lease that is used up this fast may be larger, in milliseconds. */
const FAST_MS = 250;
/** One that takes this long keeps urgent messages waiting behind it. */
const SLOW_MS = 1000;

/** How many messages to lease at once: about what the server takes in half a second. */
export interface LeaseSize {
  readonly messages: number;
  /**
   * The size of a lease that is asked for now.
   *
   * @param wasFull The last one was: how long it lasted tells how fast the server is.
   */
  next(wasFull: boolean): number;
}

/** @param monotonic Milliseconds that never jump. */
export function createLeaseSize(monotonic: () => number): LeaseSize {
  let messages = START;
  let askedMs = -Infinity;
  return {
    get messages() {
      return messages;
    },
    next(wasFull) {
      const tookMs = monotonic() - askedMs;
      askedMs = monotonic();
      if (!wasFull) return messages;
      if (tookMs < FAST_MS) messages = Math.min(MAX, messages * 2);
      else if (tookMs > SLOW_MS) messages = Math.max(1, Math.ceil(messages / 2));
      return messages;
    },
  };
}
