// Runs in: backend worker.

const START_BYTES = 65_536;
const MIN_BYTES = 2048;
const MAX_BYTES = 4_194_304;
/** Acknowledgements that come this fast leave room for more in flight, in milliseconds. */
const FAST_MS = 500;
/** Slower than this there is too much in flight: a link that is cut would have to carry it all again. */
const SLOW_MS = 4000;

/** How many bytes may be on their way unacknowledged: much on a fast line, little on one of 1 kB/s. */
export interface Flow {
  readonly bytes: number;
  /**
   * @param sizeBytes What was acknowledged.
   * @param sentMs When it was sent, and `nowMs`: on a clock that never jumps.
   */
  acknowledged(sizeBytes: number, sentMs: number, nowMs: number): void;
  /** The connection broke with something in flight. */
  broken(): void;
}

export function createFlow(): Flow {
  let bytes = START_BYTES;
  let shrunkMs = -Infinity;
  const shrink = () => bytes = Math.max(MIN_BYTES, bytes / 2);
  return {
    get bytes() {
      return bytes;
    },
    acknowledged(sizeBytes, sentMs, nowMs) {
      const tookMs = nowMs - sentMs;
      if (tookMs < FAST_MS) bytes = Math.min(MAX_BYTES, bytes + sizeBytes);
      else if (tookMs > SLOW_MS && sentMs > shrunkMs) {
        shrunkMs = nowMs; // what was sent before tells nothing of the smaller amount
        shrink();
      }
    },
    broken: shrink,
  };
}
