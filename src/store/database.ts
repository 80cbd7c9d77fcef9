// Runs in: store worker.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readBytes } from "./disk.ts";
import { needsUpgrade, OUTBOX_SCHEMA, refuseForeign, type Schema, upgradeSchema } from "./schema.ts";

export type Database = DatabaseSync;

/** @param directory `<root>/data` */
export function databasePath(directory: string): string {
  return join(directory, "outbox.sqlite3");
}

export interface OpenOptions {
  /** Default: {@link OUTBOX_SCHEMA}. */
  schema?: Schema;
  /** False while this version may still be left for the one before; default true. */
  isProven?: boolean;
}

/** Opens (or creates) the outbox database; each commit is on the disk when it returns. */
export function openDatabase(path: string, options: OpenOptions = {}): Database {
  if (isWriteProtected(path)) {
    throw new Error("database disk image is malformed: its format cannot be written");
  }
  const database = new DatabaseSync(path);
  try {
    prepare(database, path, options);
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

function prepare(
  database: Database,
  path: string,
  { schema = OUTBOX_SCHEMA, isProven = true }: OpenOptions,
): void {
  database.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("PRAGMA busy_timeout = 2000; PRAGMA cache_size = -4000; PRAGMA journal_size_limit = 4000000");
  refuseForeign(database, schema, path);
  applyLog(database, path);
  if (needsUpgrade(database, schema, isProven)) {
    inTransaction(database, () => upgradeSchema(database, schema, isProven));
  }
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
  /malformed|not a database|disk image|written by a newer Ivy|no such (table|column)|unsupported file format|constraint failed|too large to be represented/;

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
