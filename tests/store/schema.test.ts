// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { databasePath } from "../../src/store/database.ts";
import { OUTBOX_SCHEMA, type Schema } from "../../src/store/schema.ts";
import { TestStore } from "../support/test_store.ts";

/** The next version's tables: a column more, a table more, and in the end a column less. */
const NEXT: Schema = {
  version: OUTBOX_SCHEMA.version + 1,
  readableBy: OUTBOX_SCHEMA.version,
  expand(database) {
    OUTBOX_SCHEMA.expand(database);
    const columns = database.prepare("PRAGMA table_info(places)").all().map(({ name }) => name);
    if (!columns.includes("priority")) {
      database.exec("ALTER TABLE places ADD COLUMN priority INTEGER NOT NULL DEFAULT 5");
    }
    database.exec("CREATE TABLE IF NOT EXISTS routes (backend TEXT PRIMARY KEY) WITHOUT ROWID");
    database.exec("INSERT OR IGNORE INTO routes SELECT DISTINCT backend FROM places");
  },
  contract: (database) => database.exec("ALTER TABLE places DROP COLUMN base"),
};

const BACKENDS = ["main"];

/** What a version finds and leaves: opens the store, stores a message, and tells what waits. */
async function use(
  test: TestStore,
  text: string,
  { schema = OUTBOX_SCHEMA, isProven = true }: { schema?: Schema; isProven?: boolean } = {},
): Promise<string[]> {
  await test.open({ backends: BACKENDS, schema, isProven });
  await test.send("data", text);
  const leased = test.store.lease("main", 100, 1_000_000);
  const texts = leased.map(({ body }) => JSON.parse(body).data.text as string);
  test.assertSums();
  await test.store.close();
  return texts;
}

function ask(test: TestStore, question: string): unknown[] {
  const database = new DatabaseSync(databasePath(test.directory));
  try {
    return database.prepare(question).all().map((row) => Object.values(row)[0]);
  } finally {
    database.close();
  }
}

Deno.test("a new version with other tables is left again: the old one opens them, and nothing is lost", async () => {
  await using test = new TestStore();
  assertEquals(await use(test, "a"), ["a"]);
  const onProbation = { schema: NEXT, isProven: false };
  assertEquals(await use(test, "b", onProbation), ["a", "b"]);
  assertEquals(await use(test, "c", onProbation), ["a", "b", "c"], "its second start");
  assertEquals(ask(test, "PRAGMA user_version"), [NEXT.version]);
  assertEquals(await use(test, "d"), ["a", "b", "c", "d"], "left for the old one");
  await test.open({ backends: [...BACKENDS, "other"], schema: OUTBOX_SCHEMA });
  await test.store.close();
  assertEquals(test.log.filter(({ level }) => level !== "INFO" && level !== "DEBUG"), []);
  await test.open({ backends: [...BACKENDS, "other"], schema: NEXT, isProven: false });
  await test.store.close();
  assertEquals(ask(test, "SELECT backend FROM routes"), ["main", "other"], "what the old one wrote is added");
  assertEquals(await use(test, "e", onProbation), ["a", "b", "c", "d", "e"]);
});

Deno.test("what only the old version needs is removed once there is no way back by itself", async () => {
  await using test = new TestStore();
  await use(test, "a");
  await use(test, "b", { schema: NEXT, isProven: false });
  assert(ask(test, "SELECT name FROM pragma_table_info('places')").includes("base"));
  await test.open({ backends: null, schema: NEXT, isProven: true }).catch(() => {}); // its tables are not this code's
  assert(!ask(test, "SELECT name FROM pragma_table_info('places')").includes("base"));
  assertEquals(ask(test, "SELECT value FROM meta WHERE key = 'readable_by'"), [NEXT.version]);
});

Deno.test("tables that this version cannot work with are kept aside, and it measures on", async () => {
  await using test = new TestStore();
  await use(test, "a");
  const database = new DatabaseSync(databasePath(test.directory));
  database.exec(`PRAGMA user_version = ${NEXT.version}`);
  database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('readable_by', ?)").run(NEXT.version);
  database.close();
  assertEquals(await use(test, "b"), ["a", "b"]);
  const [error] = test.log.filter(({ level }) => level === "ERROR");
  assert(/was written by a newer Ivy \(schema 2, this one knows 1\)/.test(error!.subject), error!.subject);
});
