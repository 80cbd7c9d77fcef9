// Runs in: store worker.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readBytes } from "./disk.ts";

export type Database = DatabaseSync;

/** @param directory `<root>/data` */
export function databasePath(directory: string): string {
  return join(directory, "outbox.sqlite3");
}

/** Raised by one with each change of the tables below; the previous version must still be able to read them. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

  -- What a daily file does not hold for certain yet, or a backend still waits for.
  CREATE TABLE IF NOT EXISTS messages (
    variant TEXT NOT NULL,
    id INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,  -- when the sender handed it over, Unix milliseconds
    day TEXT NOT NULL,         -- UTC day of storing: names the daily file
    boot TEXT,                 -- set while the clock was not known to be right: the kernel's boot
    monotonic_ms INTEGER,      -- and the time since that boot
    body TEXT NOT NULL,        -- JSON of message_body
    producer TEXT NOT NULL,    -- who sent it: name and generation
    sequence INTEGER NOT NULL, -- and as which of its messages, so that it is not stored twice
    PRIMARY KEY (variant, id)
  ) WITHOUT ROWID;

  -- Each backend's place: of each variant, everything up to done_id is done with.
  CREATE TABLE IF NOT EXISTS places (
    backend TEXT NOT NULL,
    variant TEXT NOT NULL,
    done_id INTEGER NOT NULL,
    accepted INTEGER NOT NULL,     -- counted up to the last change of this row; see base
    base INTEGER NOT NULL,         -- how many of the variant had been stored when accepted was counted
    acknowledged INTEGER NOT NULL,
    parked INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    PRIMARY KEY (backend, variant)
  ) WITHOUT ROWID;

  -- Messages that wait for one backend only: sent again by hand from the parked ones or from the daily files.
  CREATE TABLE IF NOT EXISTS requeued (
    backend TEXT NOT NULL, id INTEGER NOT NULL, variant TEXT NOT NULL,
    time_ms INTEGER NOT NULL, boot TEXT, monotonic_ms INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (backend, id)
  ) WITHOUT ROWID;

  CREATE TABLE IF NOT EXISTS parked (
    backend TEXT NOT NULL, id INTEGER NOT NULL, variant TEXT NOT NULL,
    time_ms INTEGER NOT NULL, boot TEXT, monotonic_ms INTEGER, body TEXT NOT NULL,
    reason TEXT NOT NULL, parked_ms INTEGER NOT NULL,
    PRIMARY KEY (backend, id)
  ) WITHOUT ROWID;

  -- Daily files that are being sent again to a backend.
  CREATE TABLE IF NOT EXISTS replays (
    replay_id INTEGER PRIMARY KEY, backend TEXT NOT NULL,
    from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, -- Unix milliseconds, to_ms excluded
    day TEXT NOT NULL, line INTEGER NOT NULL          -- how far it has come
  );

  CREATE TABLE IF NOT EXISTS corrections (boot TEXT PRIMARY KEY, booted_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Opens (or creates) the outbox database; each commit is on the disk when it returns. */
export function openDatabase(path: string): Database {
  if (isWriteProtected(path)) {
    throw new Error("database disk image is malformed: its format cannot be written");
  }
  const database = new DatabaseSync(path);
  try {
    prepare(database, path);
    return database;
  } catch (error) {
    database.close(); // whoever forgets it lets it remove the log of its successor
    throw error;
  }
}

/** A damaged format version looks like missing permission to write, which is no reason to build a new database. */
function isWriteProtected(path: string): boolean {
  const [version] = readBytes(path, 18, 1);
  return version !== undefined && version > 2;
}

function prepare(database: Database, path: string): void {
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("PRAGMA busy_timeout = 2000; PRAGMA cache_size = -4000; PRAGMA journal_size_limit = 4000000");
  const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (found > SCHEMA_VERSION + 20) throw new Error(`database disk image is malformed: schema ${found}`);
  if (found > SCHEMA_VERSION) {
    throw new Error(`${path} was written by a newer Ivy (schema ${found}, this one knows ${SCHEMA_VERSION})`);
  }
  applyLog(database, path);
  if (found === SCHEMA_VERSION) return;
  inTransaction(database, () => {
    database.exec(SCHEMA);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/**
 * Writes what a crash has left in the log into the database. After a sync that failed, the log may be whole in the
 * system's memory only: what is added to it would be lost with it in a power cut.
 */
function applyLog(database: Database, path: string): void {
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    using log = Deno.openSync(`${path}-wal`);
    log.syncSync(); // that it is empty now
  } catch (error) {
    if (!isDiskFull(error) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Runs `work` in one transaction: all of it is committed, or none. */
export function inTransaction<T>(database: Database, work: () => T): T {
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
function rollBack(database: Database): void {
  try {
    database.exec("ROLLBACK");
  } catch (error) {
    if (!/no transaction is active/.test((error as Error).message)) throw error;
  }
}

/** True when SQLite could not write because the disk (or the quota) is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && /database or disk is full|No space left/.test(error.message);
}

/** What SQLite says of a damaged database, also of one in which values or names have changed. */
const DAMAGE =
  /malformed|not a database|disk image|no such (table|column)|unsupported file format|constraint failed|too large to be represented/;

/** True when the database itself is damaged. */
export function isDamaged(error: unknown): boolean {
  return error instanceof Error && DAMAGE.test(error.message);
}

/** Measures the size that the database needs, in bytes, without pages that are free to be used again. */
export function sizeMeter(database: Database): () => number {
  const pragma = (name: string) => {
    const statement = database.prepare(`PRAGMA ${name}`);
    return () => Number(Object.values(statement.get()!)[0]);
  };
  const [pageCount, freeCount, pageSize] = [
    pragma("page_count"),
    pragma("freelist_count"),
    pragma("page_size")(),
  ];
  return () => (pageCount() - freeCount()) * pageSize;
}
