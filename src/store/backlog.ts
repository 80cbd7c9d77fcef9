// Runs in: store worker.
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { BackendStatistics, BackendToStore, LeasedMessage } from "../shared/protocol.ts";
import type { Database } from "./database.ts";
import { type Advance, Leases, type Outcome } from "./leases.ts";
import { Places } from "./places.ts";
import { Requeue } from "./requeue.ts";
import type { Row } from "../shared/message_line.ts";

/** What a backend says of messages that it has leased. */
export type Settlement = Exclude<BackendToStore, { type: "lease" }>;

interface Holder {
  leases: Record<Variant, Leases>;
  /** Ids in hand that wait for this backend only. */
  requeuedOut: Set<number>;
  /** Requeued messages whose fate is known but not committed. */
  requeuedFinished: Map<number, Outcome>;
}

/** What one transaction does to the backlog: in the database at once, in memory when it is committed. */
export class BacklogSteps {
  #passed = new Map<Leases, number>();
  #acts: (() => void)[] = [];

  /** Everything up to this id is done with, as the database says inside the transaction. */
  passedId(leases: Leases): number {
    return this.#passed.get(leases) ?? leases.doneId;
  }

  /** A backend is further than before in one variant. */
  advance(leases: Leases, step: Advance): void {
    this.#passed.set(leases, step.doneId);
    this.later(() => leases.apply(step));
  }

  later(act: () => void): void {
    this.#acts.push(act);
  }

  /** To be called once the transaction is committed. */
  apply(): void {
    for (const act of this.#acts) act();
  }
}

/** What waits for which backend. Methods named `write…` must be called in a transaction; the others touch memory only. */
export class Backlog {
  readonly requeue: Requeue;
  #database: Database;
  #places: Places;
  #holders = new Map<string, Holder>();
  #correct: (row: Row) => number;
  #select;

  /** @param correct Gives the time of a row in Unix milliseconds, put right if the clock was wrong. */
  constructor(database: Database, correct: (row: Row) => number) {
    this.#database = database;
    this.#correct = correct;
    this.#places = new Places(database);
    this.requeue = new Requeue(database, this.#places);
    this.#select = database.prepare(
      "SELECT id, variant, time_ms, boot, monotonic_ms, body FROM messages WHERE variant = ? AND id > ? ORDER BY id LIMIT ?",
    );
    this.#load();
  }

  get backends(): string[] {
    return [...this.#holders.keys()];
  }

  get places(): Places {
    return this.#places;
  }

  /** Everything of a variant up to this id is done with by every backend; Infinity when there is none. */
  doneId(variant: Variant): number {
    return Math.min(Infinity, ...[...this.#holders.values()].map(({ leases }) => leases[variant].doneId));
  }

  /** How far one backend is in one variant; 0 when there is no such backend. */
  doneIdOf(backend: string, variant: Variant): number {
    return this.#holders.get(backend)?.leases[variant].doneId ?? 0;
  }

  /** Takes the configured backends over. @returns how many messages each removed backend still waited for. */
  writeBackends(names: string[], lastId: number, stored: Record<Variant, number>): Record<string, number> {
    const statistics = this.#places.statistics(stored);
    const released: Record<string, number> = {};
    for (const name of this.backends.filter((known) => !names.includes(known))) {
      released[name] = Object.values(statistics[name] ?? {}).reduce(
        (sum, { waiting, parked }) => sum + waiting + parked,
        0,
      );
      this.#places.remove(name);
    }
    for (const name of names.filter((wanted) => !this.#holders.has(wanted))) {
      this.#places.add(name, lastId, stored);
    }
    return released;
  }

  /** Goes back to what the database says; what was in hand returns. */
  reload(): void {
    this.#holders.clear();
    this.#load();
  }

  /**
   * Hands out messages: configuration status before logs before data, each oldest first, requeued ones last.
   *
   * @param without Kinds that are left out.
   */
  lease(
    backend: string,
    maxMessages: number,
    maxBytes: number,
    without: readonly Variant[] = [],
  ): LeasedMessage[] {
    const holder = this.#holders.get(backend);
    if (holder === undefined) return [];
    const leased: LeasedMessage[] = [];
    let bytes = 0;
    const take = (row: Row): boolean => {
      if (leased.length >= maxMessages || (leased.length > 0 && bytes + row.body.length > maxBytes)) {
        return false;
      }
      bytes += row.body.length;
      leased.push({ id: row.id, variant: row.variant, timestamp: this.#correct(row) / 1000, body: row.body });
      return true;
    };
    for (const variant of VARIANTS) {
      if (without.includes(variant)) continue;
      this.#leaseVariant(holder.leases[variant], variant, maxMessages - leased.length, take);
    }
    for (
      const row of this.requeue.rows(
        backend,
        maxMessages - leased.length,
        holder.requeuedOut,
        holder.requeuedFinished,
      )
    ) {
      if (without.includes(row.variant)) continue;
      if (!take(row)) break;
      holder.requeuedOut.add(row.id);
    }
    return leased;
  }

  /** Notes what a backend says; {@link writePlaces} makes it durable. */
  settle(backend: string, settlement: Settlement): number[] {
    const ids = settlement.type === "park" ? [settlement.id] : settlement.ids;
    const holder = this.#holders.get(backend);
    if (holder === undefined) return ids;
    for (const id of ids) {
      if (settlement.type === "give_back") this.#giveBack(holder, id);
      else if (settlement.type === "park") {
        this.#finish(holder, id, { kind: "parked", reason: settlement.reason });
      } else this.#finish(holder, id, { kind: "acknowledged" });
    }
    return ids;
  }

  /** The backend's worker has ended: all that it had in hand returns. */
  giveAllBack(backend: string): void {
    const holder = this.#holders.get(backend);
    if (holder === undefined) return;
    for (const variant of VARIANTS) holder.leases[variant].giveAllBack();
    holder.requeuedOut.clear();
  }

  /** Moves every place as far as it can. @returns what is to be applied once the transaction is committed. */
  writePlaces(nowMs: number): BacklogSteps {
    const steps = new BacklogSteps();
    for (const [backend, holder] of this.#holders) {
      for (const variant of VARIANTS) {
        const step = holder.leases[variant].plan();
        if (step === undefined) continue;
        this.#places.step(backend, variant, step, nowMs);
        steps.advance(holder.leases[variant], step);
      }
      for (const [id, outcome] of holder.requeuedFinished) {
        this.requeue.finish(backend, id, outcome, nowMs);
        steps.later(() => holder.requeuedFinished.delete(id));
      }
    }
    return steps;
  }

  /**
   * Gives up the oldest `limit` messages of a variant that a backend still waits for, up to `syncedId`, beginning
   * where the transaction has brought the backends so far: nothing is counted twice.
   *
   * @param steps Of the same transaction; what happens here is added.
   * @returns how many were given up (once per backend), and whether any backend is further than before.
   */
  writeDrop(
    steps: BacklogSteps,
    variant: Variant,
    { syncedId, limit, nowMs }: { syncedId: number; limit: number; nowMs: number },
  ): { dropped: number; hasMoved: boolean } {
    const waiting = [...this.#holders].map(([backend, { leases }]) => ({ backend, leases: leases[variant] }));
    const from = Math.min(Infinity, ...waiting.map(({ leases }) => steps.passedId(leases)));
    const ids = this.#idsAfter(variant, from, limit).filter((id) => id <= syncedId);
    let dropped = 0;
    let hasMoved = false;
    for (const { backend, leases } of waiting) {
      const own = ids.filter((id) => id > steps.passedId(leases));
      if (own.length === 0) continue;
      const step = leases.planDrop(own);
      dropped += step.outcomes.filter(({ outcome }) => outcome.kind === "dropped").length;
      this.#places.step(backend, variant, step, nowMs);
      steps.advance(leases, step);
      hasMoved = true;
    }
    return { dropped, hasMoved };
  }

  statistics(stored: Record<Variant, number>): Record<string, Record<Variant, BackendStatistics>> {
    return this.#places.statistics(stored);
  }

  #idsAfter(variant: Variant, id: number, limit: number): number[] {
    if (!Number.isFinite(id)) return [];
    return this.#database.prepare("SELECT id FROM messages WHERE variant = ? AND id > ? ORDER BY id LIMIT ?")
      .all(variant, id, limit).map((row) => Number(row["id"]));
  }

  #leaseVariant(leases: Leases, variant: Variant, limit: number, take: (row: Row) => boolean): void {
    if (limit <= 0) return;
    const rows = this.#select.all(variant, leases.nextAfterId, limit + leases.inHand) as unknown as Row[];
    for (const row of rows) {
      if (leases.isTaken(row.id)) continue;
      if (!take(row)) return;
      leases.take(row.id);
    }
  }

  #finish(holder: Holder, id: number, outcome: Outcome): void {
    if (holder.requeuedOut.delete(id)) holder.requeuedFinished.set(id, outcome);
    else for (const variant of VARIANTS) holder.leases[variant].finish(id, outcome);
  }

  #giveBack(holder: Holder, id: number): void {
    if (holder.requeuedOut.delete(id)) return;
    for (const variant of VARIANTS) holder.leases[variant].giveBack(id);
  }

  #load(): void {
    for (const { backend, variant, done_id: doneId } of this.#places.all()) {
      const holder = this.#holders.get(backend) ?? newHolder();
      holder.leases[variant] = new Leases(doneId);
      this.#holders.set(backend, holder);
    }
  }
}

function newHolder(): Holder {
  const leases = { config: new Leases(0), log: new Leases(0), data: new Leases(0) };
  return { leases, requeuedOut: new Set(), requeuedFinished: new Map() };
}
