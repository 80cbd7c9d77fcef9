// Runs in: store worker.
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { OutgoingMessage, Producer } from "../shared/protocol.ts";
import { type Database, inTransaction } from "./database.ts";
import type { NewRow, OutboxRow } from "../shared/message_line.ts";
import { Sequences } from "./sequences.ts";

/** Messages that one producer wants stored. */
export interface Batch {
  producer: Producer;
  messages: OutgoingMessage[];
}

/** How the moment of storing is written down. */
export interface StoringTime {
  /** UTC day: names the daily file. */
  day: string;
  /** Boot and time since it for a message of `timeMs`; undefined while the clock is known to be right. */
  unproven(timeMs: number): { boot: string; monotonicMs: number } | undefined;
}

/** What became of one batch. */
export interface Appended {
  rows: NewRow[];
  /** Sequence numbers of which nobody can say whether they are stored: neither stored now nor called so. */
  unplaced: number[];
}

/** Names a producer in the database; main hands each name and generation out once in the life of its process. */
export function producerKey({ name, generation }: Producer): string {
  return `${name} ${generation}`;
}

/** Keys of `meta` that hold which sequence numbers of a producer are stored. */
const SEQUENCE = "sequence ";
const IS_SEQUENCE = `substr(key, 1, ${SEQUENCE.length}) = '${SEQUENCE}'`;
const COLUMNS = "variant, id, time_ms, day, boot, monotonic_ms, body";

/**
 * The messages of the outbox and their numbering. Methods that write must be called in a transaction.
 *
 * A commit writes the messages only. Counters are saved now and then; what came since is counted from the rows, which
 * stay at least until their counters are saved. That is half the pages per commit.
 */
export class Outbox {
  #database: Database;
  #insert;
  #restore;
  #setMeta;
  #deleteMeta;
  #delete;
  #lastId = 0;
  #stored: Record<Variant, number> = { config: 0, log: 0, data: 0 };
  /** What is stored of each producer. */
  #sequences = new Map<string, Sequences>();

  /** @param runId Names this run of the agent; what producers of other runs sent can no longer be sent again. */
  constructor(database: Database, runId: string) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT INTO messages (${COLUMNS}, producer, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#restore = database.prepare(
      `INSERT OR IGNORE INTO messages (${COLUMNS}, producer, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, '', 0)`,
    );
    this.#setMeta = database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
    this.#deleteMeta = database.prepare("DELETE FROM meta WHERE key = ?");
    this.#delete = database.prepare(
      "DELETE FROM messages WHERE variant = ? AND id <= (SELECT max(id) FROM (SELECT id FROM messages " +
        "WHERE variant = ? AND id <= ? ORDER BY id LIMIT ?))",
    );
    this.reload();
    inTransaction(database, () => {
      if (this.meta("store_id") === undefined) this.setMeta("store_id", crypto.randomUUID());
      if (this.meta("run_id") === runId) return;
      this.#sequences.clear();
      database.exec(`DELETE FROM meta WHERE ${IS_SEQUENCE}`);
      this.setMeta("run_id", runId);
      this.saveCounters();
    });
  }

  get lastId(): number {
    return this.#lastId;
  }

  get stored(): Record<Variant, number> {
    return this.#stored;
  }

  /** Ids up to this one are in daily files that have been synced. */
  get syncedId(): number {
    return Number(this.meta("synced_id") ?? 0);
  }

  /**
   * Inserts what has not been stored before: a message is known by its producer and sequence number, so that one
   * whose answer was lost is not stored twice.
   *
   * @returns what became of each batch.
   */
  append(batches: Batch[], time: StoringTime): Appended[] {
    return batches.map((batch) => this.#appendBatch(batch, time));
  }

  /** A producer has ended: its name and generation never come again. */
  forget(producer: Producer): void {
    const key = producerKey(producer);
    if (this.#sequences.delete(key)) this.#deleteMeta.run(SEQUENCE + key);
  }

  /** Saves what has been counted; before rows of this count may be removed. */
  saveCounters(): void {
    this.setMeta("last_id", this.#lastId);
    for (const variant of VARIANTS) this.setMeta(`stored_${variant}`, this.#stored[variant]);
    for (const key of this.#sequences.keys()) this.#saveSequences(key);
  }

  /** Puts back a row of a daily file, after the database was lost. */
  restore(row: OutboxRow): void {
    this.#restore.run(row.variant, row.id, row.time_ms, row.day, row.boot, row.monotonic_ms, row.body);
  }

  /** Rows with larger ids of all variants, in order of their ids. */
  *rowsAfter(id: number): Generator<OutboxRow> {
    const ofVariant = (variant: Variant) =>
      `SELECT * FROM (SELECT ${COLUMNS} FROM messages WHERE variant = '${variant}' AND id > ? ORDER BY id LIMIT 1000)`;
    const select = this.#database.prepare(
      `${VARIANTS.map(ofVariant).join(" UNION ALL ")} ORDER BY id LIMIT 1000`,
    );
    for (let last = id;;) {
      const rows = select.all(...VARIANTS.map(() => last)) as unknown as OutboxRow[];
      if (rows.length === 0) return;
      yield* rows;
      last = rows.at(-1)!.id;
    }
  }

  /** Removes the oldest rows of a variant up to `id`, at most `limit` of them. @returns how many. */
  remove(variant: Variant, id: number, limit: number): number {
    return Number(this.#delete.run(variant, variant, id, limit).changes);
  }

  /** True when rows behind `afterId` belong to that day's file. */
  holdsDay(day: string, afterId = 0): boolean {
    const select = "SELECT 1 FROM messages WHERE variant = ? AND id > ? AND day = ? LIMIT 1";
    return VARIANTS.some((variant) =>
      this.#database.prepare(select).get(variant, afterId, day) !== undefined
    );
  }

  meta(key: string): unknown {
    return this.#database.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
  }

  setMeta(key: string, value: string | number): void {
    this.#setMeta.run(key, value);
  }

  /** Goes back to what the database says, after a transaction that failed. Ids that were given out are not reused. */
  reload(): void {
    const savedId = Number(this.meta("last_id") ?? 0);
    this.#lastId = Math.max(this.#lastId, savedId);
    for (const variant of VARIANTS) this.#stored[variant] = Number(this.meta(`stored_${variant}`) ?? 0);
    const rows = this.#database.prepare(`SELECT key, value FROM meta WHERE ${IS_SEQUENCE}`).all();
    this.#sequences = new Map(
      rows.map((row) => [String(row["key"]).slice(SEQUENCE.length), Sequences.from(row["value"])]),
    );
    for (const variant of VARIANTS) this.#countSince(savedId, variant);
  }

  /** Adds the rows that are younger than the saved counters. */
  #countSince(savedId: number, variant: Variant): void {
    const rows = this.#database.prepare(
      "SELECT producer, count(*) AS n, max(sequence) AS sequence, max(id) AS id FROM messages " +
        "WHERE variant = ? AND id > ? GROUP BY producer",
    ).all(variant, savedId);
    for (const { producer, n, sequence, id } of rows) {
      this.#sequencesOf(String(producer)).passTo(Number(sequence));
      this.#stored[variant] += Number(n);
      this.#lastId = Math.max(this.#lastId, Number(id));
    }
  }

  #appendBatch({ producer, messages }: Batch, time: StoringTime): Appended {
    const key = producerKey(producer);
    const sequences = this.#sequencesOf(key);
    const appended: Appended = { rows: [], unplaced: [] };
    let mustSave = false;
    for (const message of messages) {
      const placement = sequences.placementOf(message.sequence);
      if (placement === "unknown") appended.unplaced.push(message.sequence);
      if (placement !== "new") continue;
      mustSave = sequences.store(message.sequence) || mustSave;
      appended.rows.push(this.#appendOne(message, producer.name, key, time));
    }
    if (mustSave) this.#saveSequences(key);
    return appended;
  }

  #sequencesOf(key: string): Sequences {
    const known = this.#sequences.get(key) ?? new Sequences();
    this.#sequences.set(key, known);
    return known;
  }

  #saveSequences(key: string): void {
    this.setMeta(SEQUENCE + key, this.#sequencesOf(key).toValue());
  }

  #appendOne(message: OutgoingMessage, origin: string, producer: string, time: StoringTime): NewRow {
    const { timeMs, variant, body, sequence } = message;
    const id = ++this.#lastId;
    this.#stored[variant]++;
    const clock = time.unproven(timeMs);
    const [boot, monotonicMs] = clock === undefined ? [null, null] : [clock.boot, clock.monotonicMs];
    this.#insert.run(variant, id, timeMs, time.day, boot, monotonicMs, body, producer, sequence);
    return { id, time_ms: timeMs, day: time.day, variant, boot, monotonic_ms: monotonicMs, body, origin };
  }
}
