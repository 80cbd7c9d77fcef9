// Runs in: any thread.
import type { FloodLimit } from "./flood_guard.ts";
import type { LogEntry } from "./protocol.ts";

/** Lines that a component may log at once; a long line counts for as many as it has KiB. */
const BURST = 200;
/** Lines a second that it may log for ever. */
const LINES_PER_SECOND = 20;

/**
 * What main bears with: a worker has its limiter under its own control. Whoever keeps to it stays below this also when
 * main comes to its lines as late as 20 s, all at once.
 */
export const LOG_LINES: FloodLimit = {
  unit: "log lines, or KiB of them,",
  atOnce: 4 * BURST,
  perSecond: 2 * LINES_PER_SECOND,
};

/** For how many lines an entry counts. */
export function linesOf({ subject, details }: LogEntry): number {
  return Math.max(1, (subject.length + details.length) / 1024);
}

/** Lets a burst of lines through, then a trickle, and says how many it kept back. */
export interface LogLimiter {
  push(entry: LogEntry): void;
  /** To be called now and then, so that a flood that has ended is still summed up. */
  tick(): void;
}

/**
 * A token bucket over log lines, so that a component that floods neither fills the disk nor starves the others.
 *
 * @param options.now Unix milliseconds.
 */
export function createLogLimiter(
  options: { now: () => number; emit: (entry: LogEntry) => void },
): LogLimiter {
  let tokens = BURST;
  let filledMs = options.now();
  let suppressed = 0;
  let last: LogEntry | undefined;

  const refill = () => {
    const nowMs = options.now();
    tokens = Math.min(BURST, tokens + Math.max(0, nowMs - filledMs) / 1000 * LINES_PER_SECOND);
    filledMs = nowMs;
  };
  const sumUp = () => {
    if (suppressed === 0 || last === undefined) return;
    const subject = `suppressed ${suppressed} lines: more than ${LINES_PER_SECOND} of them, or KiB, a second`;
    options.emit({ level: "WARNING", origin: last.origin, subject, details: "", timeMs: options.now() });
    suppressed = 0;
  };
  return {
    push(entry) {
      const lines = linesOf(entry);
      refill();
      if (tokens < lines || (suppressed > 0 && tokens < BURST / 2)) {
        suppressed++;
        last = entry;
        return;
      }
      sumUp();
      tokens -= lines;
      options.emit(entry);
    },
    tick() {
      refill();
      if (tokens >= BURST / 2) sumUp();
    },
  };
}
