// Runs in: tests.

interface Timer {
  act: () => void;
  atMs: number;
}

/** Stands in for `setTimeout` and `clearTimeout` until it is disposed of: time passes when a test says so. */
export interface FakeTimers extends Disposable {
  readonly nowMs: number;
  /** How long until the next timer; undefined when there is none. */
  readonly nextInMs: number | undefined;
  /** Lets time pass up to the next timer, which acts. */
  next(): void;
}

export function fakeTimers(): FakeTimers {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const timers = new Map<number, Timer>();
  let nowMs = 0;
  let lastId = 0;
  globalThis.setTimeout = ((act: () => void, afterMs = 0) => {
    timers.set(++lastId, { act, atMs: nowMs + afterMs });
    return lastId;
  }) as never;
  globalThis.clearTimeout = (id) => void timers.delete(id as number);
  const first = () => [...timers].toSorted(([, a], [, b]) => a.atMs - b.atMs)[0];
  return {
    get nowMs() {
      return nowMs;
    },
    get nextInMs() {
      const found = first();
      return found === undefined ? undefined : found[1].atMs - nowMs;
    },
    next() {
      const [id, { act, atMs }] = first()!;
      timers.delete(id);
      nowMs = atMs;
      act();
    },
    [Symbol.dispose]() {
      globalThis.setTimeout = realSet;
      globalThis.clearTimeout = realClear;
    },
  };
}
