// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { compressDay } from "../../src/store/day_archive.ts";
import { NOON_MS, TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;

Deno.test("a torn last line is cut off and written again, nothing stands twice", async () => {
  await using test = new TestStore().openFragile();
  await test.send("data", "one", "two", "three");
  test.crash();
  const file = join(test.messagesFolder, "2026-06-15.jsonl");
  const text = Deno.readTextFileSync(file);
  for (const keep of [0, 1, 40, text.length - 1, text.length - 30]) {
    Deno.writeTextFileSync(file, text.slice(0, keep));
    test.openFragile();
    assertEquals(Deno.readTextFileSync(file), text, `after ${keep} bytes had been left`);
    if (keep !== text.length - 30) test.crash();
    // what was reconciled is released: put the rows back as they were before the next cut
    if (keep !== text.length - 30) await restoreRows(test);
  }
});

/** Starts over with the same three messages unsynced. */
async function restoreRows(test: TestStore): Promise<void> {
  for (const ending of ["", "-wal", "-shm"]) {
    await Deno.remove(join(test.directory, `outbox.sqlite3${ending}`)).catch(() => {});
  }
  await Deno.remove(test.messagesFolder, { recursive: true });
  test.openFragile();
  await test.send("data", "one", "two", "three");
  test.crash();
}

Deno.test("a message belongs to the UTC day on which it is stored", async () => {
  await using test = await new TestStore().open();
  test.nowMs = Date.UTC(2026, 5, 15, 23, 59, 59, 999);
  await test.send("data", "before midnight");
  test.nowMs += 1;
  await test.send("data", "at midnight");
  await test.store.close();
  assertStringIncludes(Deno.readTextFileSync(join(test.messagesFolder, "2026-06-16.jsonl")), "at midnight");
});

Deno.test("a finished day is compressed; when the clock goes back to it, its file goes on", async () => {
  await using test = await new TestStore().open();
  await test.send("data", "monday");
  await test.store.close();
  await compressDay(test.messagesFolder, "2026-06-15");
  assertEquals([...Deno.readDirSync(test.messagesFolder)].map(({ name }) => name), ["2026-06-15.jsonl.gz"]);
  await test.open();
  await test.send("data", "monday again");
  await test.store.close();
  await compressDay(test.messagesFolder, "2026-06-15");
  await compressDay(test.messagesFolder, "2026-06-15").catch(() => {}); // nothing is left to compress
  assertEquals((await test.messages()).map(({ id }) => id), [1, 2]);
});

Deno.test("a crash between compressing and removing leaves no line twice", async () => {
  await using test = await new TestStore().open();
  await test.send("data", "a", "b");
  await test.store.close();
  const plain = join(test.messagesFolder, "2026-06-15.jsonl");
  const text = Deno.readTextFileSync(plain);
  await compressDay(test.messagesFolder, "2026-06-15");
  Deno.writeTextFileSync(plain, text); // as if it had not been removed
  await compressDay(test.messagesFolder, "2026-06-15");
  assertEquals((await test.lines()).length, 2);
});

Deno.test("a crash between compressing and removing, and a clock that goes back to the day, leave no line twice", async () => {
  await using test = await new TestStore().open();
  await test.send("data", "a", "b");
  await test.store.close();
  const plain = join(test.messagesFolder, "2026-06-15.jsonl");
  const text = Deno.readTextFileSync(plain);
  await compressDay(test.messagesFolder, "2026-06-15");
  Deno.writeTextFileSync(plain, text); // as if it had not been removed
  await test.open();
  await test.send("data", "c");
  await test.store.close();
  await compressDay(test.messagesFolder, "2026-06-15");
  assertEquals((await test.messages()).map(({ id }) => id), [1, 2, 3]);
});

Deno.test("retention removes old days, but none that a backend waits for", async () => {
  const settings = { ...new TestStore().options().settings, retention_days: 10 };
  await using test = await new TestStore({ settings, backends: ["b"] }).open();
  await test.send("data", "old");
  await test.store.close();
  const file = join(test.messagesFolder, "2026-06-15.jsonl");
  const setAge = async () => {
    const name = (await Deno.stat(file).catch(() => undefined)) ? file : `${file}.gz`;
    await Deno.utime(name, new Date(NOON_MS), new Date(NOON_MS));
  };
  test.nowMs += 20 * DAY_MS;
  await setAge();
  await test.open();
  await test.store.settled();
  assertEquals((await test.lines()).length, 1, "a backend waits for it");
  await test.acknowledge("b", test.store.lease("b", 9, 9999).map(({ id }) => id));
  await test.store.close();
  await setAge();
  await test.open();
  await test.store.settled();
  assertEquals(await test.lines(), []);
  assert(test.log.some(({ subject }) => subject === "removed the messages of 2026-06-15"));
});

Deno.test("a wrong clock removes nothing", async () => {
  const settings = { ...new TestStore().options().settings, retention_days: 10 };
  await using test = await new TestStore({ settings }).open();
  await test.send("data", "today");
  await test.store.close();
  test.nowMs += 20_000 * DAY_MS;
  await test.open({ clockTrusted: false });
  await test.store.settled();
  assertEquals((await test.lines()).length, 1);
});

const WARNINGS = / while in use/;
const warnings = (test: TestStore) =>
  test.log.map(({ subject }) => subject).filter((line) => WARNINGS.test(line));

Deno.test("yesterday's file is removed before what it holds is synced: it is made again, and then compressed", async () => {
  for (const removedAt of ["before midnight", "after midnight"]) {
    await using test = await new TestStore().open();
    await test.send("data", "synced");
    await test.store.settled();
    await test.send("data", "not synced");
    const yesterday = join(test.messagesFolder, "2026-06-15.jsonl");
    if (removedAt === "before midnight") Deno.removeSync(yesterday);
    test.nowMs += DAY_MS;
    await test.send("data", "of today");
    if (removedAt === "after midnight") Deno.removeSync(yesterday);
    await test.store.settled();
    assertEquals((await test.messages()).map(({ id }) => id), [2, 3], removedAt);
    assertEquals(warnings(test), [
      `${yesterday} was removed while in use; 1 messages have been written again from the outbox`,
    ]);
    await test.store.close();
    await test.open();
    await test.store.settled();
    const files = [...Deno.readDirSync(test.messagesFolder)].map(({ name }) => name).sort();
    assertEquals(files, ["2026-06-15.jsonl.gz", "2026-06-16.jsonl"]);
    assertEquals((await test.messages()).map(({ id }) => id), [2, 3]);
    assertEquals(test.failures, []);
  }
});

Deno.test("what is removed after it was synced stays removed, and compressing and retention alarm nobody", async () => {
  const settings = { ...new TestStore().options().settings, retention_days: 1 };
  await using test = await new TestStore({ settings }).open();
  await test.send("data", "monday");
  await test.store.settled();
  test.nowMs += DAY_MS;
  await test.send("data", "tuesday");
  await test.store.settled();
  Deno.removeSync(join(test.messagesFolder, "2026-06-15.jsonl"));
  test.nowMs += DAY_MS;
  await test.send("data", "wednesday");
  await test.store.settled();
  await test.store.close();
  await test.open();
  await test.store.settled();
  await test.send("data", "still wednesday");
  await test.store.settled();
  assertEquals((await test.messages()).map(({ id }) => id), [2, 3, 4]);
  assertEquals(warnings(test), []);
});

Deno.test("nothing counts as synced while the file cannot be made again", async () => {
  await using test = await new TestStore().open();
  await test.send("data", "one");
  Deno.removeSync(test.messagesFolder, { recursive: true });
  await Deno.rename(test.directory, `${test.directory}-away`);
  Deno.writeTextFileSync(test.directory, "in the way");
  await test.store.settled();
  const said = test.log.map(({ subject }) => subject);
  assertEquals(said.length, 2, said.join("\n"));
  assertStringIncludes(said[0]!, "2026-06-15.jsonl was removed while in use");
  assertStringIncludes(said[1]!, "the daily file could not be written; its lines wait in the outbox");
  Deno.removeSync(test.directory);
  await Deno.rename(`${test.directory}-away`, test.directory);
  assertEquals(test.store.request({ kind: "statistics" }).unsynced, 1);
  await test.store.close();
  await test.open();
  assertEquals((await test.messages()).map(({ id }) => id), [1]);
});

Deno.test("a database that is removed is put back with all that it holds, before anything more is answered", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  await test.send("data", "parked", "in hand", "acknowledged too early", "waiting");
  await test.send("log", "waiting");
  const [, parked, , early] = test.store.lease("b", 4, 10_000).map(({ id }) => id);
  await test.park("b", parked!, "poison");
  await test.acknowledge("b", [early!]);
  const before = test.store.request({ kind: "statistics" });
  for (const part of ["", "-wal", "-shm"]) Deno.removeSync(join(test.directory, `outbox.sqlite3${part}`));
  await test.send("data", "one more");
  await until("the store to end", () => test.failures.length === 1);
  assertStringIncludes(String(test.failures[0]), "is another file now");
  assertStringIncludes(test.log.at(-1)!.subject, "it has been put back, nothing is missing");
  test.failures.length = 0;
  await test.open();
  const after = test.store.request({ kind: "statistics" });
  assertEquals(after.storeId, before.storeId);
  assertEquals(after.lastId, before.lastId + 1);
  assertEquals(after.backends["b"]!.data, { ...before.backends["b"]!.data, accepted: 5, waiting: 4 });
  assertEquals((await test.messages()).map(({ id }) => id), [1, 2, 3, 4, 5, 6]);
  assertEquals(test.log.filter(({ subject }) => /rebuilt/.test(subject)), []);
});
