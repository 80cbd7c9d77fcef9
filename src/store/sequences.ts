// Runs in: store worker.

/** Sequence numbers from one to another, both included. */
type Range = [from: number, to: number];

/**
 * Gaps that are remembered per producer. Each full disk leaves one, and what was refused then is sent again at most
 * once, so that more than a few matter to nobody; but memory must not grow with the years.
 */
const MAX_GAPS = 100;

/** What the store knows of a message before it stores it. */
export type Placement = "new" | "stored" | "unknown";

/**
 * Which messages of one producer have been stored: all up to the last but those in the gaps that a full disk has left.
 * A number below the last proves nothing by itself: what was refused, and whose answer was lost with the store that
 * gave it, is sent again behind messages that were stored later.
 */
export class Sequences {
  #last: number;
  /** Ascending: never stored. */
  #gaps: Range[];
  /** Up to this number gaps have been forgotten: nobody knows what of it is stored. */
  #unknownTo: number;

  constructor(last = 0, gaps: Range[] = [], unknownTo = 0) {
    this.#last = last;
    this.#gaps = gaps;
    this.#unknownTo = unknownTo;
  }

  /** Reads what {@link toValue} has written. */
  static from(value: unknown): Sequences {
    if (typeof value !== "string") return new Sequences(Number(value));
    const { last, gaps, unknownTo } = JSON.parse(value);
    return new Sequences(last, gaps, unknownTo);
  }

  /** For the database: a plain number while there is no gap. */
  toValue(): number | string {
    if (this.#gaps.length === 0 && this.#unknownTo === 0) return this.#last;
    return JSON.stringify({ last: this.#last, gaps: this.#gaps, unknownTo: this.#unknownTo });
  }

  /** What is known of a number. */
  placementOf(sequence: number): Placement {
    if (sequence > this.#last || this.#gapOf(sequence) !== -1) return "new";
    return sequence > this.#unknownTo ? "stored" : "unknown";
  }

  /** The messages that were stored last end with this number. */
  passTo(sequence: number): void {
    this.#last = Math.max(this.#last, sequence);
  }

  /** Notes that a message has been stored. @returns true when the gaps have changed, which must be written down. */
  store(sequence: number): boolean {
    const before = this.#last;
    this.passTo(sequence);
    if (sequence > before) return sequence > before + 1 && this.#open([before + 1, sequence - 1]);
    const index = this.#gapOf(sequence);
    if (index === -1) return false;
    const [from, to] = this.#gaps[index]!;
    const rest: Range[] = [[from, sequence - 1], [sequence + 1, to]];
    this.#gaps.splice(index, 1, ...rest.filter(([first, last]) => first <= last));
    return true;
  }

  #open(gap: Range): true {
    this.#gaps.push(gap);
    while (this.#gaps.length > MAX_GAPS) this.#unknownTo = this.#gaps.shift()![1];
    return true;
  }

  #gapOf(sequence: number): number {
    return this.#gaps.findIndex(([from, to]) => sequence >= from && sequence <= to);
  }
}
