// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { keysIn, TamperedStore } from "../support/tampered_store.ts";

/** So many lines make the store sync its daily file at once. */
const ENOUGH_TO_SYNC = 1000;
/** Less than that: they wait for a sync. */
const FEW = 5;

interface Tampering {
  name: string;
  act: (store: TamperedStore) => void;
  /** What stood in synced lines is gone with them, as whoever did it wanted. */
  losesSynced?: boolean;
  /** Also tried with a kill before anything is noticed. */
  unnoticed?: boolean;
  /** What the log says of it, once; undefined when every name leads where it did before. */
  says?: RegExp;
}

const elsewhere = (store: TamperedStore) => join(store.folder, "elsewhere");
const database = (store: TamperedStore) => join(store.directory, "outbox.sqlite3");

const TAMPERINGS: Tampering[] = [
  {
    name: "today's file is removed",
    act: (store) => Deno.removeSync(store.today),
    losesSynced: true,
    unnoticed: true,
    says: /\.jsonl was removed while in use/,
  },
  {
    name: "today's file is moved elsewhere",
    act: (store) => Deno.renameSync(store.today, elsewhere(store)),
    losesSynced: true,
    says: /\.jsonl was removed while in use/,
  },
  {
    name: "today's file is moved elsewhere, and a link to it takes its place",
    act: (store) => {
      Deno.renameSync(store.today, elsewhere(store));
      Deno.symlinkSync(elsewhere(store), store.today);
    },
    unnoticed: true,
  },
  {
    name: "the database is moved elsewhere, and a link to it takes its place",
    act: (store) => {
      Deno.renameSync(database(store), elsewhere(store));
      Deno.symlinkSync(elsewhere(store), database(store));
    },
    unnoticed: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "a link to another file takes the place of today's file",
    act: (store) => {
      Deno.writeTextFileSync(elsewhere(store), "something else\n");
      Deno.removeSync(store.today);
      Deno.symlinkSync(elsewhere(store), store.today);
    },
    losesSynced: true,
    unnoticed: true,
    says: /\.jsonl was replaced while in use/,
  },
  {
    name: "an empty file takes the place of today's file",
    act: (store) => {
      Deno.writeTextFileSync(elsewhere(store), "");
      Deno.renameSync(elsewhere(store), store.today);
    },
    losesSynced: true,
    says: /\.jsonl was replaced while in use/,
  },
  {
    name: "today's file is emptied",
    act: (store) => Deno.truncateSync(store.today),
    losesSynced: true,
    says: /\.jsonl was changed while in use/,
  },
  {
    name: "an older copy of today's file takes its place",
    act: (store) => {
      const lines = Deno.readTextFileSync(store.today).split("\n").slice(0, ENOUGH_TO_SYNC);
      Deno.writeTextFileSync(elsewhere(store), `${lines.join("\n")}\n`);
      Deno.renameSync(elsewhere(store), store.today);
    },
    says: /\.jsonl was replaced while in use/,
  },
  {
    name: "a folder takes the place of today's file",
    act: (store) => {
      Deno.removeSync(store.today);
      Deno.mkdirSync(store.today);
    },
    losesSynced: true,
    unnoticed: true,
    says: /\.jsonl was replaced while in use/,
  },
  {
    name: "a pipe takes the place of today's file",
    act: (store) => {
      Deno.removeSync(store.today);
      new Deno.Command("mkfifo", { args: [store.today] }).outputSync();
    },
    losesSynced: true,
    unnoticed: true,
    says: /\.jsonl was replaced while in use/,
  },
  {
    name: "the folder of daily files is removed",
    act: (store) => Deno.removeSync(store.messages, { recursive: true }),
    losesSynced: true,
    says: /\.jsonl was removed while in use/,
  },
  {
    name: "the folder of daily files is moved elsewhere",
    act: (store) => Deno.renameSync(store.messages, elsewhere(store)),
    losesSynced: true,
    says: /\.jsonl was removed while in use/,
  },
  {
    name: "the folder of daily files is moved elsewhere, and a link to it takes its place",
    act: (store) => {
      Deno.renameSync(store.messages, elsewhere(store));
      Deno.symlinkSync(elsewhere(store), store.messages);
    },
    unnoticed: true,
  },
  {
    name: "a file takes the place of the folder of daily files",
    act: (store) => {
      Deno.removeSync(store.messages, { recursive: true });
      Deno.writeTextFileSync(store.messages, "a file");
    },
    losesSynced: true,
    unnoticed: true,
    says: /\.jsonl was removed while in use/,
  },
  {
    name: "the database is removed",
    act: (store) => Deno.removeSync(database(store)),
    unnoticed: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "the database is removed with its log",
    act: (store) => ["", "-wal", "-shm"].forEach((part) => Deno.removeSync(database(store) + part)),
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "the log of the database is removed",
    act: (store) => Deno.removeSync(`${database(store)}-wal`),
    unnoticed: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "the database is moved elsewhere",
    act: (store) => Deno.renameSync(database(store), elsewhere(store)),
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "another file takes the place of the database",
    act: (store) => {
      Deno.writeTextFileSync(elsewhere(store), "something else");
      Deno.renameSync(elsewhere(store), database(store));
    },
    unnoticed: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "a folder takes the place of the database",
    act: (store) => {
      Deno.removeSync(database(store));
      Deno.mkdirSync(database(store));
    },
    unnoticed: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "database and today's file are removed at once",
    act: (store) => [database(store), store.today].forEach((path) => Deno.removeSync(path)),
    losesSynced: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
  {
    name: "the whole folder is moved elsewhere",
    act: (store) => Deno.renameSync(store.directory, elsewhere(store)),
    losesSynced: true,
    says: /outbox\.sqlite3 was removed or replaced while in use/,
  },
];

for (const { name, act, losesSynced = false, unnoticed = false, says } of TAMPERINGS) {
  Deno.test(`${name} while the store runs: what is acknowledged stands in one line, also after a kill`, async () => {
    await using store = new TamperedStore();
    const gone = await tamper(store, act, losesSynced);
    await store.send(ENOUGH_TO_SYNC - FEW);
    if (says !== undefined) await store.settle();
    await store.kill();
    await comeBack(store, gone);
    assertEquals(store.noticed.length, says === undefined ? 0 : 1, store.log.join("\n"));
    if (says !== undefined) assertMatch(store.noticed[0]!, says);
    assertEquals(store.log.filter((line) => /rebuilt|damaged/.test(line)), []);
  });

  if (!unnoticed) continue;
  Deno.test(`${name}, and a kill comes before that is noticed`, async () => {
    await using store = new TamperedStore();
    const gone = await tamper(store, act, losesSynced);
    await store.kill();
    await comeBack(store, gone);
  });
}

/** @returns the messages that are gone with what was removed, all of them synced before. */
async function tamper(
  store: TamperedStore,
  act: Tampering["act"],
  losesSynced: boolean,
): Promise<string[]> {
  store.start();
  await store.send(ENOUGH_TO_SYNC);
  await store.synced();
  const gone = losesSynced ? keysIn(store.messages) : [];
  await store.send(FEW);
  act(store);
  return gone;
}

async function comeBack(store: TamperedStore, gone: string[]): Promise<void> {
  store.start();
  await store.send(FEW);
  await store.close();
  const faults = store.faults({ lost: gone, removed: { data: gone.length } });
  assertEquals(faults, [], [...faults, ...store.log].join("\n"));
}
