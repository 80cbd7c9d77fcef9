// Runs in: any thread.
import { InvalidMessageError } from "./shape.ts";

/** Nothing that works as it should sends this many messages in {@link WINDOW_MS}. */
const MAX_MESSAGES = 20_000;
const WINDOW_MS = 2000;

/** Counts what one sender sends: whoever floods a port keeps the receiver from its other work. */
export class FloodGuard {
  #monotonic: () => number;
  #beganMs = -Infinity;
  #messages = 0;

  /** @param monotonic Milliseconds that never jump. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** One more has come. @throws {InvalidMessageError} when there are too many. */
  count(): void {
    if (this.#messages++ < MAX_MESSAGES) return;
    const nowMs = this.#monotonic();
    if (nowMs - this.#beganMs < WINDOW_MS) {
      throw new InvalidMessageError(`more than ${MAX_MESSAGES} messages came within ${WINDOW_MS / 1000} s`);
    }
    this.#beganMs = nowMs;
    this.#messages = 1;
  }
}
