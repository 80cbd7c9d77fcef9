// Runs in: store worker.
import type { DatabaseSync } from "node:sqlite";

/**
 * A version of the database's tables. A new version of Ivy may be left again for the one before, which must then find
 * everything: so a change comes in two steps, additions first, and removals when there is no way back any more.
 */
export interface Schema {
  /** Raised by one with each change. */
  version: number;
  /** The oldest version that works with the tables after {@link expand}: names its columns when it writes. */
  readableBy: number;
  /** Adds what is missing. Runs again after an older version has written: it must not mind what is there already. */
  expand: (database: DatabaseSync) => void;
  /** Removes what only older versions need. Runs once this version has proved itself. */
  contract?: (database: DatabaseSync) => void;
}

/** More than this many versions ahead is no version but damage. */
const MAX_AHEAD = 20;

const TABLES = `
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

/** The outbox as this version writes it. */
export const OUTBOX_SCHEMA: Schema = {
  version: 1,
  readableBy: 1,
  expand: (database) => database.exec(TABLES),
};

/** @throws {Error} when the tables are such that this version cannot work with them; nothing is changed then. */
export function refuseForeign(database: DatabaseSync, schema: Schema, path: string): void {
  const found = versionOf(database);
  if (found > schema.version + MAX_AHEAD) {
    throw new Error(`database disk image is malformed: schema ${found}`);
  }
  const readableBy = found <= schema.version ? found : numberIn(database, "readable_by") ?? found;
  if (readableBy <= schema.version) return;
  throw new Error(`${path} was written by a newer Ivy (schema ${found}, this one knows ${schema.version})`);
}

/** Whether {@link upgradeSchema} has anything to do. */
export function needsUpgrade(database: DatabaseSync, schema: Schema, isProven: boolean): boolean {
  const found = versionOf(database);
  if (found < schema.version) return true;
  const lastWriter = numberIn(database, "written_by_schema");
  if (found > schema.version) return lastWriter !== schema.version;
  return lastWriter !== undefined || (isProven && isToBeContracted(database, schema));
}

/** Brings the tables up to this version, or notes that this one writes into those of a newer. In one transaction. */
export function upgradeSchema(database: DatabaseSync, schema: Schema, isProven: boolean): void {
  if (versionOf(database) > schema.version) return note(database, "written_by_schema", schema.version);
  schema.expand(database);
  database.exec("DELETE FROM meta WHERE key = 'written_by_schema'");
  if (versionOf(database) < schema.version) note(database, "readable_by", schema.readableBy);
  database.exec(`PRAGMA user_version = ${schema.version}`);
  if (!isProven || !isToBeContracted(database, schema)) return;
  schema.contract?.(database);
  note(database, "readable_by", schema.version);
}

function isToBeContracted(database: DatabaseSync, { version, contract }: Schema): boolean {
  return contract !== undefined && (numberIn(database, "readable_by") ?? 0) < version;
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()!["user_version"]);
}

function numberIn(database: DatabaseSync, key: string): number | undefined {
  const value = database.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
  return typeof value === "number" ? value : undefined;
}

function note(database: DatabaseSync, key: string, value: number): void {
  database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value);
}
