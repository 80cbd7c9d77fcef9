// Runs in: store worker.
import type { ParkedMessage } from "../shared/protocol.ts";
import type { Variant } from "../shared/message.ts";
import type { Database } from "./database.ts";
import type { Outcome } from "./leases.ts";
import type { Places } from "./places.ts";
import type { Row } from "../shared/message_line.ts";

const COLUMNS = "id, variant, time_ms, boot, monotonic_ms, body";

/** Messages that wait for one backend only, and those that it could not send. Writing needs a transaction. */
export class Requeue {
  #database: Database;
  #places: Places;

  constructor(database: Database, places: Places) {
    this.#database = database;
    this.#places = places;
  }

  /** The oldest requeued messages that are neither in hand nor finished. */
  rows(backend: string, limit: number, out: Set<number>, finished: Map<number, Outcome>): Row[] {
    if (limit <= 0) return [];
    const rows = this.#database.prepare(
      `SELECT ${COLUMNS} FROM requeued WHERE backend = ? ORDER BY id LIMIT ?`,
    )
      .all(backend, limit + out.size + finished.size) as unknown as Row[];
    return rows.filter(({ id }) => !out.has(id) && !finished.has(id)).slice(0, limit);
  }

  /** How many wait for the backend; counts no further than `limit`. */
  size(backend: string, limit: number): number {
    const select = "SELECT count(*) AS n FROM (SELECT 1 FROM requeued WHERE backend = ? LIMIT ?)";
    return Number(this.#database.prepare(select).get(backend, limit)!["n"]);
  }

  /** Lets a message of a daily file wait for the backend again. */
  add(backend: string, row: Row): void {
    const { changes } = this.#database.prepare(
      `INSERT OR IGNORE INTO requeued (backend, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
      .run(backend, row.id, row.variant, row.time_ms, row.boot, row.monotonic_ms, row.body);
    if (Number(changes) > 0) this.#places.count(backend, row.variant, { accepted: 1 });
  }

  /**
   * Makes the fate of a requeued message durable. One that is parked already (it was replayed meanwhile) is one message
   * again, not two.
   */
  finish(backend: string, id: number, outcome: Outcome, nowMs: number): void {
    const row = this.#database.prepare("SELECT variant FROM requeued WHERE backend = ? AND id = ?").get(
      backend,
      id,
    );
    if (row === undefined) return;
    const variant = row["variant"] as Variant;
    const isJoined = outcome.kind === "parked" && this.#isIn("parked", backend, id);
    if (outcome.kind === "parked") {
      this.#database.prepare(
        `INSERT OR REPLACE INTO parked (backend, ${COLUMNS}, reason, parked_ms) SELECT backend, ${COLUMNS}, ?, ? FROM requeued WHERE backend = ? AND id = ?`,
      ).run(outcome.reason, nowMs, backend, id);
    }
    this.#database.prepare("DELETE FROM requeued WHERE backend = ? AND id = ?").run(backend, id);
    this.#places.count(backend, variant, isJoined ? { accepted: -1 } : { [outcome.kind]: 1 });
  }

  /** Parked messages behind `afterId`, oldest first. */
  parked(backend: string | null, afterId: number, limit: number): ParkedMessage[] {
    const rows = this.#database.prepare(
      "SELECT * FROM parked WHERE (? IS NULL OR backend = ?) AND id > ? ORDER BY id, backend LIMIT ?",
    ).all(backend, backend, afterId, limit);
    return rows.map((row) => ({
      backend: String(row["backend"]),
      id: Number(row["id"]),
      timestamp: Number(row["time_ms"]) / 1000,
      variant: row["variant"] as Variant,
      body: String(row["body"]),
      reason: String(row["reason"]),
      parkedMs: Number(row["parked_ms"]),
    }));
  }

  /** Lets parked messages wait for their backend again; one that waits already waits once. @returns how many. */
  retryParked(backend: string, ids: number[] | "all"): number {
    return this.#eachParked(backend, ids, ({ id, variant }) => {
      const isJoined = this.#isIn("requeued", backend, id);
      this.#database.prepare(
        `INSERT OR IGNORE INTO requeued (backend, ${COLUMNS}) SELECT backend, ${COLUMNS} FROM parked WHERE backend = ? AND id = ?`,
      ).run(backend, id);
      this.#places.count(backend, variant, { parked: -1, accepted: isJoined ? -1 : 0 });
    });
  }

  /** Gives parked messages up; they stay in the daily files. @returns how many. */
  dropParked(backend: string, ids: number[] | "all"): number {
    return this.#eachParked(backend, ids, ({ variant }) => {
      this.#places.count(backend, variant, { parked: -1, dropped: 1 });
    });
  }

  #isIn(table: "parked" | "requeued", backend: string, id: number): boolean {
    const select = `SELECT 1 FROM ${table} WHERE backend = ? AND id = ?`;
    return this.#database.prepare(select).get(backend, id) !== undefined;
  }

  #eachParked(
    backend: string,
    ids: number[] | "all",
    act: (row: { id: number; variant: Variant }) => void,
  ): number {
    const all = this.#database.prepare("SELECT id, variant FROM parked WHERE backend = ? ORDER BY id").all(
      backend,
    );
    const chosen = (all as unknown as { id: number; variant: Variant }[]).filter(({ id }) =>
      ids === "all" || ids.includes(id)
    );
    for (const row of chosen) {
      act(row);
      this.#database.prepare("DELETE FROM parked WHERE backend = ? AND id = ?").run(backend, row.id);
    }
    return chosen.length;
  }
}
