// Runs in: store worker.
import { DatabaseSync } from "node:sqlite";

/** Raised by one with each change of the tables below; the previous version must still be able to read them. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL, -- when the sender handed it over, Unix milliseconds
    day TEXT NOT NULL,        -- UTC day of storing: which daily file holds it
    variant TEXT NOT NULL,
    body TEXT NOT NULL        -- JSON of message_body
  );
  CREATE TABLE IF NOT EXISTS producers (
    key TEXT PRIMARY KEY,      -- name and generation
    sequence INTEGER NOT NULL  -- the last that was stored
  ) WITHOUT ROWID;
`;

/** Opens (or creates) the outbox database; each commit is on the disk when it returns. */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000;");
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cache_size = -2000;");
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > SCHEMA_VERSION) {
    throw new Error(`${path} was written by a newer Ivy (schema ${found}, this one knows ${SCHEMA_VERSION})`);
  }
  database.exec(SCHEMA);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  return database;
}

/** Runs `work` in one transaction: all of it is committed, or none. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** SQLite has rolled back by itself after some errors (a full disk); then there is nothing left to undo. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch (error) {
    if (!/no transaction is active/.test((error as Error).message)) throw error;
  }
}

/** True when SQLite could not write because the disk (or the quota) is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && /database or disk is full/.test(error.message);
}
