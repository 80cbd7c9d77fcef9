// Runs in: store worker.

/** What became of a leased message. */
export type Outcome = { kind: "acknowledged" } | { kind: "parked"; reason: string } | { kind: "dropped" };

/** A step that a place can make: these ids, in order, are done with. */
export interface Advance {
  doneId: number;
  outcomes: { id: number; outcome: Outcome }[];
}

/**
 * What one backend has in hand of one variant. Servers may confirm out of order, but the place in the outbox only moves
 * over a gapless run of finished messages: after a crash the rest is sent again, nothing is skipped.
 */
export class Leases {
  /** Everything up to this id is done with, durably. */
  doneId: number;
  #nextAfterId: number;
  #out = new Set<number>();
  #finished = new Map<number, Outcome>();
  /** Leased ids that the place has not passed, ascending. */
  #order: number[] = [];

  constructor(doneId: number) {
    this.doneId = doneId;
    this.#nextAfterId = doneId;
  }

  /** The next lease begins behind this id. */
  get nextAfterId(): number {
    return this.#nextAfterId;
  }

  /** How many ids behind {@link nextAfterId} may have to be skipped. */
  get inHand(): number {
    return this.#out.size + this.#finished.size;
  }

  /** True when the id is in hand or finished: not to be handed out again. */
  isTaken(id: number): boolean {
    return this.#out.has(id) || this.#finished.has(id);
  }

  take(id: number): void {
    this.#nextAfterId = Math.max(this.#nextAfterId, id);
    this.#out.add(id);
    if (id > (this.#order.at(-1) ?? 0)) this.#order.push(id);
  }

  finish(id: number, outcome: Outcome): void {
    if (this.#out.delete(id)) this.#finished.set(id, outcome);
  }

  /** The message was not sent after all. */
  giveBack(id: number): void {
    if (this.#out.delete(id)) this.#nextAfterId = Math.min(this.#nextAfterId, id - 1);
  }

  /** The backend has died. */
  giveAllBack(): void {
    for (const id of [...this.#out]) this.giveBack(id);
  }

  /** How far the place can move now; undefined when it cannot. Nothing changes before {@link apply}. */
  plan(): Advance | undefined {
    const outcomes: Advance["outcomes"] = [];
    for (const id of this.#order) {
      const outcome = this.#finished.get(id);
      if (outcome === undefined) break;
      outcomes.push({ id, outcome });
    }
    const last = outcomes.at(-1);
    return last === undefined ? undefined : { doneId: last.id, outcomes };
  }

  /** The step that gives up every message of `ids` (ascending, behind the place) that is not finished otherwise. */
  planDrop(ids: number[]): Advance {
    const outcomes = ids.map((id) => ({
      id,
      outcome: this.#finished.get(id) ?? { kind: "dropped" } as const,
    }));
    return { doneId: ids.at(-1)!, outcomes };
  }

  /** Takes a step that has been committed. */
  apply({ doneId }: Advance): void {
    this.doneId = doneId;
    this.#nextAfterId = Math.max(this.#nextAfterId, doneId);
    const passed = this.#order.findIndex((id) => id > doneId);
    const removed = this.#order.splice(0, passed === -1 ? this.#order.length : passed);
    for (const id of removed) {
      this.#finished.delete(id);
      this.#out.delete(id);
    }
  }
}
