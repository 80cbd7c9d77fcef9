// Runs in: backend worker.

/**
 * Keeps publishes that are not yet acknowledged below what the server allows: it may hang up on one too many. What is
 * said beside the deliveries comes first, and leaves a slot to them where there is more than one.
 */
export class PublishSlots {
  /** How many publishes may be unanswered. */
  most: number;
  #taken = 0;
  #takenBeside = 0;
  #waiting: (() => void)[] = [];
  #waitingBeside: (() => void)[] = [];

  constructor(most: number) {
    this.most = most;
  }

  /** Calls `publish` as soon as there is a slot: at once, if there is. {@link release} gives it back. */
  take(publish: () => void, isBeside: boolean): void {
    (isBeside ? this.#waitingBeside : this.#waiting).push(publish);
    this.#startNext();
  }

  release(isBeside: boolean): void {
    this.#taken--;
    if (isBeside) this.#takenBeside--;
    this.#startNext();
  }

  #startNext(): void {
    while (this.#taken < this.most) {
      const beside = this.#takenBeside < Math.max(1, this.most - 1) ? this.#waitingBeside.shift() : undefined;
      const publish = beside ?? this.#waiting.shift();
      if (publish === undefined) return;
      this.#taken++;
      if (beside !== undefined) this.#takenBeside++;
      publish();
    }
  }
}
