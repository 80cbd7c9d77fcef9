// Runs in: store worker.
import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { type Database, databasePath } from "./database.ts";
import { identityOf, linkIdentityOf, syncFolder } from "./disk.ts";
import { moveAside, successorPath } from "./recovery.ts";

/** So many rows are copied at once: the worker has to give a sign of life meanwhile. */
const CHUNK = 2000;

/**
 * The files that an open database consists of. Somebody may remove, move or replace them, or the folder that they are
 * in: SQLite does not notice and goes on with files that no name leads to.
 */
export class DatabaseFile {
  #database: Database;
  #directory: string;
  #identities: [path: string, identity: string][];

  /** @param directory `<root>/data`, in which the database has just been opened. */
  constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
    this.#identities = partsOf(databasePath(directory)).map((part) => [part, identitiesOf(part)]);
  }

  /** False when a name does not lead to the open file any more. */
  get isInPlace(): boolean {
    return this.#identities.every(([path, identity]) => identitiesOf(path) === identity);
  }

  /**
   * Makes the names lead to all that is committed, by a copy; what is in the way is moved aside. The open database must
   * not be written to any more. @throws when there is no space, or no folder can be made.
   */
  async putBack(nowMs: number): Promise<void> {
    const directory = this.#directory;
    Deno.mkdirSync(directory, { recursive: true });
    const path = successorPath(directory);
    await copyDatabase(this.#database, path);
    using copy = Deno.openSync(path);
    copy.syncSync();
    moveAside(directory, nowMs);
    renameSync(path, databasePath(directory));
    syncFolder(directory);
  }
}

/** The database and its log, which lies where a link to the database leads. */
function partsOf(path: string): string[] {
  return [path, `${Deno.realPathSync(path)}-wal`];
}

/** Of the name itself, too: a link that takes the database's place would part it from its log at the next start. */
function identitiesOf(path: string): string {
  return `${linkIdentityOf(path)} ${identityOf(path)}`;
}

/** Copies row by row: a sandboxed worker may neither attach a second database nor read files that have no name. */
async function copyDatabase(source: Database, path: string): Promise<void> {
  const target = new DatabaseSync(path);
  try {
    target.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    source.exec("BEGIN");
    target.exec("BEGIN");
    for (const { name, sql } of tablesOf(source)) {
      target.exec(sql);
      await copyTable(source, target, name);
    }
    target.exec("COMMIT");
    target.exec(`PRAGMA user_version = ${source.prepare("PRAGMA user_version").get()!["user_version"]}`);
  } finally {
    target.close();
  }
}

async function copyTable(source: Database, target: Database, name: string): Promise<void> {
  const columns = source.prepare(`PRAGMA table_info("${name}")`).all().map((column) =>
    String(column["name"])
  );
  const insert = target.prepare(`INSERT INTO "${name}" VALUES (${columns.map(() => "?").join(", ")})`);
  let copied = 0;
  for (const row of source.prepare(`SELECT * FROM "${name}"`).iterate()) {
    const values = row as Record<string, string | number | null>;
    insert.run(...columns.map((column) => values[column] ?? null));
    if (++copied % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function tablesOf(database: Database): { name: string; sql: string }[] {
  const select = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
  return database.prepare(select).all() as unknown as { name: string; sql: string }[];
}
