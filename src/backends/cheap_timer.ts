// Runs in: backend worker.

const LOOK_MS = 250;

/** What mqtt.js needs of a timer. */
export interface RepeatingTimer {
  /** Calls `act` every `intervalMs` until it is cleared. */
  set(act: () => void, intervalMs: number): unknown;
  clear(timer: unknown): void;
}

interface Entry {
  act: (() => void) | undefined;
  intervalMs: number;
  nextMs: number;
}

/**
 * mqtt.js sets its keep-alive anew with every packet, and a real timer costs more than the rest of a packet. This one
 * looks four times a second whether one is due, while there is any.
 */
export function createCheapTimer(monotonic: () => number = () => performance.now()): RepeatingTimer {
  const entries = new Set<Entry>();
  let looking: ReturnType<typeof setInterval> | undefined;
  const look = () => {
    for (const entry of entries) {
      if (monotonic() < entry.nextMs) continue;
      entry.nextMs += entry.intervalMs;
      entry.act?.();
    }
    if (entries.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  };
  return {
    set(act, intervalMs) {
      const entry: Entry = { act, intervalMs, nextMs: monotonic() + intervalMs };
      entries.add(entry);
      looking ??= setInterval(look, LOOK_MS);
      return entry;
    },
    clear(timer) {
      entries.delete(timer as Entry);
    },
  };
}
