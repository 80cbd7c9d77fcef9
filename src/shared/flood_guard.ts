// Runs in: any thread.
import { InvalidMessageError } from "./shape.ts";

/** Messages that a sender may send at once; nothing that works as it should comes near. */
const BURST = 20_000;
/** Messages a second that it may send for ever; so few that a slow receiver, too, tells a flood from them. */
const MESSAGES_PER_SECOND = 1000;

/** Counts what one sender sends: whoever floods a port keeps the receiver from its other work. */
export class FloodGuard {
  #monotonic: () => number;
  /** How much of {@link BURST} is used up. */
  #level = 0;
  #countedMs = 0;

  /** @param monotonic Milliseconds that never jump. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** One more has come. @throws {InvalidMessageError} when there are too many. */
  count(): void {
    const nowMs = this.#monotonic();
    const drained = (nowMs - this.#countedMs) / 1000 * MESSAGES_PER_SECOND;
    this.#countedMs = nowMs;
    this.#level = Math.max(0, this.#level - drained) + 1;
    if (this.#level > BURST) {
      throw new InvalidMessageError(
        `it sends more than ${BURST} messages at once, or ${MESSAGES_PER_SECOND} a second`,
      );
    }
  }
}
