// Runs in: tests.

/** The browser's stream, played by a test; the newest is the last. */
export class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeEventSource[] = [];
  readyState = 0;

  constructor(readonly url: string) {
    super();
    FakeEventSource.opened.push(this);
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }

  say(event: string, text: string): void {
    this.dispatchEvent(new MessageEvent(event, { data: text }));
  }

  /** It breaks; the browser tries again by itself unless the node refused. */
  fail({ isRefused }: { isRefused: boolean }): void {
    this.readyState = isRefused ? FakeEventSource.CLOSED : 0;
    this.dispatchEvent(new Event("error"));
  }
}

/** Puts a stream and a clock that a test moves into the place of the browser's own, until it is disposed of. */
export function fakeBrowser(): Disposable & { pass(ms: number): void } {
  const real = { setTimeout, clearTimeout };
  const timers = new Map<number, { dueMs: number; run: () => void }>();
  let nowMs = 0;
  let id = 0;
  const set = (run: () => void, ms: number) => {
    timers.set(++id, { dueMs: nowMs + ms, run });
    return id;
  };
  Object.assign(globalThis, {
    EventSource: FakeEventSource,
    setTimeout: set,
    clearTimeout: (timer: number) => timers.delete(timer),
  });
  FakeEventSource.opened = [];
  return {
    pass(ms) {
      nowMs += ms;
      for (const [timer, { dueMs, run }] of [...timers]) {
        if (dueMs <= nowMs && timers.delete(timer)) run();
      }
    },
    [Symbol.dispose]: () => void Object.assign(globalThis, real),
  };
}
