// Runs in: store worker.
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { BackendStatistics } from "../shared/protocol.ts";
import type { Database } from "./database.ts";
import type { Advance } from "./leases.ts";

/** One row of the table: where a backend is in one variant, and what it has counted so far. */
export interface Place {
  backend: string;
  variant: Variant;
  done_id: number;
  accepted: number;
  base: number;
  acknowledged: number;
  parked: number;
  dropped: number;
}

/** So many rows are counted to see whether a counter can be true; a start must not read millions. */
const COUNT_LIMIT = 1000;
const COLUMNS = "backend, variant, done_id, accepted, base, acknowledged, parked, dropped";

/** Each backend's durable place in the outbox. Methods that write must be called in a transaction. */
export class Places {
  #database: Database;
  #step;
  #park;

  constructor(database: Database) {
    this.#database = database;
    this.#step = database.prepare(
      "UPDATE places SET done_id = ?, acknowledged = acknowledged + ?, parked = parked + ?, dropped = dropped + ? " +
        "WHERE backend = ? AND variant = ?",
    );
    this.#park = database.prepare(
      "INSERT OR REPLACE INTO parked (backend, id, variant, time_ms, boot, monotonic_ms, body, reason, parked_ms) " +
        "SELECT ?, id, variant, time_ms, boot, monotonic_ms, body, ?, ? FROM messages WHERE variant = ? AND id = ?",
    );
  }

  all(): Place[] {
    return this.#database.prepare(`SELECT ${COLUMNS} FROM places`).all() as unknown as Place[];
  }

  /** A new backend starts at "now": what was stored before is not for it. */
  add(backend: string, lastId: number, stored: Record<Variant, number>): void {
    const insert = this.#database.prepare(`INSERT INTO places (${COLUMNS}) VALUES (?, ?, ?, 0, ?, 0, 0, 0)`);
    for (const variant of VARIANTS) insert.run(backend, variant, lastId, stored[variant]);
  }

  /** Puts back what is known of a backend's places, after the database was lost. */
  restore(place: Place): void {
    const { backend, variant, done_id, accepted, base, acknowledged, parked, dropped } = place;
    this.#database.prepare(`INSERT OR REPLACE INTO places (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(backend, variant, done_id, accepted, base, acknowledged, parked, dropped);
  }

  /** Forgets a backend with all that waits for it. */
  remove(backend: string): void {
    for (const table of ["places", "requeued", "parked", "replays"]) {
      this.#database.prepare(`DELETE FROM ${table} WHERE backend = ?`).run(backend);
    }
  }

  /** Moves a place, parks what could not be sent, and counts. */
  step(backend: string, variant: Variant, { doneId, outcomes }: Advance, nowMs: number): void {
    const count = { acknowledged: 0, parked: 0, dropped: 0 };
    for (const { id, outcome } of outcomes) {
      count[outcome.kind]++;
      if (outcome.kind === "parked") this.#park.run(backend, outcome.reason, nowMs, variant, id);
    }
    this.#step.run(doneId, count.acknowledged, count.parked, count.dropped, backend, variant);
  }

  /** Adds to what a backend has counted of a variant. */
  count(
    backend: string,
    variant: Variant,
    change: Partial<Pick<Place, "accepted" | "acknowledged" | "parked" | "dropped">>,
  ) {
    const { accepted = 0, acknowledged = 0, parked = 0, dropped = 0 } = change;
    this.#database.prepare(
      "UPDATE places SET accepted = accepted + ?, acknowledged = acknowledged + ?, parked = parked + ?, " +
        "dropped = dropped + ? WHERE backend = ? AND variant = ?",
    ).run(accepted, acknowledged, parked, dropped, backend, variant);
  }

  /**
   * Counts anew where what is counted cannot be true: an earlier version could count an acknowledgement twice.
   *
   * @returns a sentence for each counter that was put right.
   */
  repair(stored: Record<Variant, number>): string[] {
    return this.all().flatMap((place) => {
      const accepted = place.accepted + stored[place.variant] - place.base;
      const waiting = accepted - place.acknowledged - place.parked - place.dropped;
      if (this.#canBeTrue(place, accepted, waiting)) return [];
      this.#countAnew(place, accepted, stored[place.variant]);
      return [
        `the counters of backend "${place.backend}" could not be true (${waiting} ${place.variant} waiting); ` +
        "they have been counted again",
      ];
    });
  }

  /** What `ivy messages stats` shows of every backend. */
  statistics(stored: Record<Variant, number>): Record<string, Record<Variant, BackendStatistics>> {
    const found: Record<string, Record<Variant, BackendStatistics>> = {};
    for (const place of this.all()) {
      const { acknowledged, parked, dropped } = place;
      const accepted = place.accepted + stored[place.variant] - place.base;
      const waiting = accepted - acknowledged - parked - dropped;
      const oldestWaitingMs = waiting === 0 ? null : this.#oldestWaiting(place);
      found[place.backend] ??= {} as Record<Variant, BackendStatistics>;
      found[place.backend]![place.variant] = {
        accepted,
        acknowledged,
        waiting,
        parked,
        dropped,
        oldestWaitingMs,
      };
    }
    return found;
  }

  #canBeTrue(place: Place, accepted: number, waiting: number): boolean {
    const { acknowledged, parked, dropped } = place;
    if ([accepted, waiting, acknowledged, parked, dropped].some((count) => count < 0)) return false;
    const agrees = (count: number, rows: (limit: number) => number) =>
      count < COUNT_LIMIT ? rows(count + 1) === count : rows(COUNT_LIMIT) === COUNT_LIMIT;
    return agrees(waiting, (limit) => this.#countWaiting(place, limit)) &&
      agrees(parked, (limit) => this.#countOwn("parked", place, limit));
  }

  #countAnew(place: Place, accepted: number, stored: number): void {
    const waiting = this.#countWaiting(place, -1);
    const parked = this.#countOwn("parked", place, -1);
    const dropped = Math.max(0, Math.min(place.dropped, accepted - waiting - parked));
    const acknowledged = Math.max(0, accepted - waiting - parked - dropped);
    const sum = acknowledged + waiting + parked + dropped;
    this.restore({ ...place, accepted: sum, base: stored, acknowledged, parked, dropped });
  }

  /** How many messages wait for a backend in one variant, at most `limit`; -1 = all. */
  #countWaiting(place: Place, limit: number): number {
    const select = "SELECT count(*) AS n FROM (SELECT 1 FROM messages WHERE variant = ? AND id > ? LIMIT ?)";
    const rows = Number(this.#database.prepare(select).get(place.variant, place.done_id, limit)!["n"]);
    return rows + this.#countOwn("requeued", place, limit === -1 ? -1 : limit - rows);
  }

  #countOwn(table: "requeued" | "parked", { backend, variant }: Place, limit: number): number {
    const select =
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${table} WHERE backend = ? AND variant = ? LIMIT ?)`;
    return Number(this.#database.prepare(select).get(backend, variant, limit)!["n"]);
  }

  #oldestWaiting({ backend, variant, done_id: doneId }: Place): number | null {
    const requeued = this.#database.prepare(
      "SELECT min(time_ms) AS t FROM (SELECT time_ms FROM requeued WHERE backend = ? AND variant = ? ORDER BY id LIMIT 1)",
    ).get(backend, variant)?.["t"] as number | null;
    const own = this.#database.prepare(
      "SELECT time_ms AS t FROM messages WHERE variant = ? AND id > ? ORDER BY id LIMIT 1",
    ).get(variant, doneId)?.["t"] as number | undefined;
    const times = [requeued, own].filter((time) => typeof time === "number");
    return times.length === 0 ? null : Math.min(...times);
  }
}
