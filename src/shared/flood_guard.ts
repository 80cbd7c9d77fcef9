// Runs in: any thread.
import { InvalidMessageError } from "./shape.ts";

/** How much a sender may send at once, and for ever. */
export interface FloodLimit {
  unit: string;
  /** So much that nothing that works as it should comes near. */
  atOnce: number;
  /** So little that a slow receiver, too, tells a flood from it. */
  perSecond: number;
}

export const MESSAGES: FloodLimit = { unit: "messages", atOnce: 20_000, perSecond: 1000 };
/** What the messages weigh, see {@link weightOf}. */
export const CHARACTERS: FloodLimit = {
  unit: "characters",
  atOnce: 64 * 1_048_576,
  perSecond: 8 * 1_048_576,
};

/** Counts what one sender sends: whoever floods a port keeps the receiver from its other work. */
export class FloodGuard {
  #monotonic: () => number;
  #limit: FloodLimit;
  /** How much of `atOnce` is used up. */
  #level = 0;
  #countedMs = 0;

  /** @param monotonic Milliseconds that never jump. */
  constructor(monotonic: () => number, limit = MESSAGES) {
    this.#monotonic = monotonic;
    this.#limit = limit;
  }

  /** So much more has come. @throws {InvalidMessageError} when it is too much. */
  count(amount = 1): void {
    const { unit, atOnce, perSecond } = this.#limit;
    const nowMs = this.#monotonic();
    const drained = (nowMs - this.#countedMs) / 1000 * perSecond;
    this.#countedMs = nowMs;
    this.#level = Math.max(0, this.#level - drained) + amount;
    if (this.#level > atOnce) {
      throw new InvalidMessageError(`it sends more than ${atOnce} ${unit} at once, or ${perSecond} a second`);
    }
  }
}

/** The characters and bytes of a message that was decoded; what is neither counts as one. */
export function weightOf(message: unknown): number {
  if (typeof message === "string") return message.length;
  if (message instanceof Uint8Array) return message.length;
  if (typeof message !== "object" || message === null) return 1;
  return Object.entries(message).reduce((sum, [key, value]) => sum + key.length + weightOf(value), 1);
}
