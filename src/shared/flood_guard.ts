// Runs in: any thread.
import { Bucket } from "./bucket.ts";
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
  #limit: FloodLimit;
  #bucket: Bucket;

  /** @param monotonic Milliseconds that never jump. */
  constructor(monotonic: () => number, limit = MESSAGES) {
    this.#limit = limit;
    this.#bucket = new Bucket({ burst: limit.atOnce, perSecond: limit.perSecond, monotonic });
  }

  /** So much more has come. @throws {InvalidMessageError} when it is too much. */
  count(amount = 1): void {
    const { unit, atOnce, perSecond } = this.#limit;
    if (!this.#bucket.take(amount)) {
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
