// Runs in: main thread.
import { DatabaseSync } from "node:sqlite";

/**
 * Checks every page of an SQLite file, without changing it. A thread of Deno KV that meets a damaged page ends the
 * whole process, so it must never see one.
 *
 * @returns what is damaged, or nothing when the file is sound.
 * @throws {Error} when the file cannot be read.
 */
export function findDamage(path: string): string | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec("SELECT * FROM sqlite_master"); // Deno 2.4 tells only here what is wrong with the file
    const verdict = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    return verdict === "ok" ? undefined : String(verdict);
  } finally {
    database.close();
  }
}
