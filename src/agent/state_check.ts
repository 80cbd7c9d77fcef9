// Runs in: main thread.
import { DatabaseSync } from "node:sqlite";

/** How many tables and indices Deno KV makes. Before it is done, the file holds nothing yet. */
const OBJECTS = 8;
/** What Deno KV asks of its tables; one that has lost its name, or a column's, would end the process as well. */
const QUESTIONS = [
  "SELECT k, v, v_encoding, version, seq, expiration_ms FROM kv LIMIT 1",
  "SELECT k, version, seq FROM data_version LIMIT 1",
  "SELECT ts, id, data, backoff_schedule, keys_if_undelivered FROM queue LIMIT 1",
  "SELECT deadline, id, data, backoff_schedule, keys_if_undelivered FROM queue_running LIMIT 1",
];

/**
 * Checks every page of a Deno KV file, without changing it. A thread of Deno KV that meets a damaged page ends the whole
 * process, so it must never see one.
 *
 * @returns what is damaged, or nothing when the file is sound.
 * @throws {Error} when the file cannot be read, or SQLite already refuses it.
 */
export function findDamage(path: string): string | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("SELECT * FROM sqlite_master"); // Deno 2.4 tells only here what is wrong with the file
    const verdict = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    return verdict === "ok" ? findStrange(database) : String(verdict);
  } finally {
    database.close();
  }
}

function findStrange(database: DatabaseSync): string | undefined {
  const { objects } = database.prepare("SELECT count(*) AS objects FROM sqlite_master").get()!;
  if (Number(objects) < OBJECTS) return undefined;
  for (const question of QUESTIONS) {
    try {
      database.exec(question);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}
