// Runs in: procedure worker.
import { pause } from "../shared/time.ts";

/** One turn of a procedure's loop. */
export interface Tick {
  /** Unix milliseconds of the wall clock when the tick fired. */
  timeMs: number;
  /** How many ticks passed unused before this one, because the loop's body took longer than the interval. */
  missed: number;
}

export interface TickClock {
  /** Unix milliseconds; may jump. */
  now(): number;
  /** Milliseconds that never jump. */
  monotonic(): number;
  /** @returns false when the signal ended the wait. */
  pause(durationMs: number, signal: AbortSignal): Promise<boolean>;
}

/** The clock of this machine. */
export const systemClock: TickClock = { now: () => Date.now(), monotonic: () => performance.now(), pause };

/**
 * Ticks at whole multiples of `seconds` of the wall clock, so that many nodes measure at the same moments, until the
 * signal aborts. When the wall clock jumps, the next tick comes after half to one and a half intervals, then the ticks
 * are aligned again: none fires twice, none is lost for longer.
 */
export async function* every(
  seconds: number,
  { signal, clock = systemClock }: { signal: AbortSignal; clock?: TickClock },
): AsyncGenerator<Tick, void, void> {
  if (!(seconds > 0)) throw new RangeError(`every(${seconds}): the interval must be above 0 seconds`);
  const intervalMs = seconds * 1000;
  let lastMs = -Infinity;
  while (await clock.pause(waitMs(clock.now(), clock.monotonic() - lastMs, intervalMs), signal)) {
    const intervals = Math.round((clock.monotonic() - lastMs) / intervalMs);
    lastMs = clock.monotonic();
    yield { timeMs: clock.now(), missed: Number.isFinite(intervals) ? Math.max(0, intervals - 1) : 0 };
  }
}

/** Time until the next multiple of the interval that is at least half an interval after the last tick. */
function waitMs(nowMs: number, sinceLastMs: number, intervalMs: number): number {
  const untilNextMs = intervalMs - (nowMs % intervalMs);
  return sinceLastMs + untilNextMs < intervalMs / 2 ? untilNextMs + intervalMs : untilNextMs;
}
