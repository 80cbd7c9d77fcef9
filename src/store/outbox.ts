// Runs in: store worker.
import type { DatabaseSync } from "node:sqlite";
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { OutgoingMessage, Producer } from "../shared/protocol.ts";
import { utcDay } from "../shared/time.ts";
import { inTransaction } from "./database.ts";

/** A committed message, as the daily files need it. */
export interface OutboxRow {
  id: number;
  /** Unix milliseconds, when the sender handed it over. */
  time_ms: number;
  /** UTC day of storing: names the daily file. */
  day: string;
  variant: Variant;
  body: string;
}

/** A row that was just stored, with the name of who sent it. */
export interface NewRow extends OutboxRow {
  origin: string;
}

/** Messages that one producer wants stored. */
export interface Batch {
  producer: Producer;
  messages: OutgoingMessage[];
}

/** The outbox: what is committed here is safe. One instance owns the database. */
export class Outbox {
  #database: DatabaseSync;
  #insert;
  #setMeta;
  #setSequence;
  #counters = { lastId: 0, stored: { config: 0, log: 0, data: 0 } as Record<Variant, number> };
  /** The last stored sequence number per producer. */
  #sequences = new Map<string, number>();

  /** @param runId Names this run of the agent; what producers of other runs sent can no longer be sent again. */
  constructor(database: DatabaseSync, runId: string) {
    this.#database = database;
    this.#insert = database.prepare(
      "INSERT INTO messages (id, time_ms, day, variant, body) VALUES (?, ?, ?, ?, ?)",
    );
    this.#setMeta = database.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)");
    this.#setSequence = database.prepare("INSERT OR REPLACE INTO producers VALUES (?, ?)");
    if (this.meta("run_id") !== runId) {
      inTransaction(database, () => {
        database.exec("DELETE FROM producers");
        this.#setMeta.run("run_id", runId);
      });
    }
    this.#load();
  }

  get lastId(): number {
    return this.#counters.lastId;
  }

  get stored(): Record<Variant, number> {
    return this.#counters.stored;
  }

  /** Ids up to this one are in daily files that have been synced. */
  get syncedId(): number {
    return Number(this.meta("synced_id") ?? 0);
  }

  /** How many messages the outbox holds. */
  get size(): number {
    return Number(this.#database.prepare("SELECT count(*) AS n FROM messages").get()!["n"]);
  }

  /** Never gives out an id up to this one again (the daily files hold it already). */
  skipTo(id: number): void {
    if (id > this.#counters.lastId) this.#counters.lastId = id;
  }

  /**
   * Commits what has not been stored before: a message is known by its producer and sequence number, so that one
   * whose answer was lost is not stored twice. All is durable when this returns; nothing is stored when it throws.
   *
   * @param nowMs Unix milliseconds of storing.
   * @returns the new rows, in order of their ids.
   */
  append(batches: Batch[], nowMs: number): NewRow[] {
    try {
      return inTransaction(this.#database, () => {
        const day = utcDay(nowMs);
        const rows = batches.flatMap((batch) => this.#appendBatch(batch, day));
        this.#setMeta.run("last_id", this.#counters.lastId);
        for (const variant of VARIANTS) {
          this.#setMeta.run(`stored_${variant}`, this.#counters.stored[variant]);
        }
        return rows;
      });
    } catch (error) {
      this.#load();
      throw error;
    }
  }

  /** Rows with larger ids, oldest first. */
  *rowsAfter(id: number): Generator<OutboxRow> {
    const select = this.#database.prepare("SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT 1000");
    for (let last = id;;) {
      const rows = select.all(last) as unknown as OutboxRow[];
      if (rows.length === 0) return;
      yield* rows;
      last = rows.at(-1)!.id;
    }
  }

  /** Lets go of the rows up to `id`: their daily files are synced, and nobody else waits for them. */
  release(id: number): void {
    inTransaction(this.#database, () => {
      this.#database.prepare("DELETE FROM messages WHERE id <= ?").run(id);
      this.#setMeta.run("synced_id", id);
    });
  }

  meta(key: string): unknown {
    return this.#database.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
  }

  #appendBatch({ producer, messages }: Batch, day: string): NewRow[] {
    const key = `${producer.name} ${producer.generation}`;
    const lastSequence = this.#sequences.get(key) ?? 0;
    const fresh = messages.filter(({ sequence }) => sequence > lastSequence);
    if (fresh.length === 0) return [];
    const rows = fresh.map(({ timeMs, variant, body }) => {
      const id = ++this.#counters.lastId;
      this.#counters.stored[variant]++;
      this.#insert.run(id, timeMs, day, variant, body);
      return { id, time_ms: timeMs, day, variant, body, origin: producer.name };
    });
    this.#sequences.set(key, fresh.at(-1)!.sequence);
    this.#setSequence.run(key, fresh.at(-1)!.sequence);
    return rows;
  }

  #load(): void {
    const stored = Object.fromEntries(
      VARIANTS.map((variant) => [variant, Number(this.meta(`stored_${variant}`) ?? 0)]),
    ) as Record<Variant, number>;
    this.#counters = { lastId: Math.max(this.#counters.lastId, Number(this.meta("last_id") ?? 0)), stored };
    const rows = this.#database.prepare("SELECT key, sequence FROM producers").all();
    this.#sequences = new Map(rows.map((row) => [String(row["key"]), Number(row["sequence"])]));
  }
}
