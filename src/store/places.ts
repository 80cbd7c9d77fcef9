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
