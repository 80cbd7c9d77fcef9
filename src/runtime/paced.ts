// Runs in: backend worker.

export interface PacedOptions<Value> {
  /** Least time between two, in milliseconds. */
  gapMs: number;
  handOn: (value: Value) => void;
  /** Milliseconds that never jump. */
  monotonic: () => number;
}

/** Hands values on at most every so often: one at once when it may, and of those that come meanwhile the last. */
export class Paced<Value> {
  #options: PacedOptions<Value>;
  #handedOnMs = -Infinity;
  #waiting: { value: Value } | undefined;

  constructor(options: PacedOptions<Value>) {
    this.#options = options;
  }

  /** What would be handed on next. */
  get waiting(): Value | undefined {
    return this.#waiting?.value;
  }

  take(value: Value): void {
    const isAwaited = this.#waiting !== undefined;
    this.#waiting = { value };
    if (isAwaited) return;
    const { gapMs, monotonic } = this.#options;
    const leftMs = this.#handedOnMs + gapMs - monotonic();
    if (leftMs <= 0) this.#handOn();
    else setTimeout(() => this.#handOn(), leftMs);
  }

  #handOn(): void {
    const { value } = this.#waiting!;
    this.#waiting = undefined;
    this.#handedOnMs = this.#options.monotonic();
    this.#options.handOn(value);
  }
}
