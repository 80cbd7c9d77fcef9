// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { failWhileFull, type Fullness } from "../support/full_database.ts";
import { NOON_MS, TestStore } from "../support/test_store.ts";

const DAY_MS = 86_400_000;

Deno.test("on a full disk the oldest day goes, but none that a backend waits for; what is refused is counted", async () => {
  const settings = { ...new TestStore().options().settings, retention_days: 100 };
  await using test = new TestStore({ settings, backends: ["b"] });
  await live(test, NOON_MS, { isAcknowledged: true });
  await live(test, NOON_MS + DAY_MS, { isAcknowledged: false });
  await live(test, NOON_MS + 2 * DAY_MS, { isAcknowledged: false });
  test.nowMs = NOON_MS + 3 * DAY_MS;
  const disk = openOnFullDisk(test);
  await test.store.settled();
  assertEquals(daysOf(test), ["2026-06-15", "2026-06-16", "2026-06-17"]);
  disk.isFull = true;
  for (const left of [2, 2, 2]) {
    await assertRejects(() => test.send("data", "refused"), Error, "the disk is full");
    await test.store.settled();
    assertEquals(daysOf(test).length, left);
  }
  disk.isFull = false;
  await test.send("data", "stored again");
  assertEquals(test.store.request({ kind: "statistics" }).refused, 3);
  test.assertSums();
  await test.store.close();
  await test.open();
  assertEquals(test.store.request({ kind: "statistics" }).refused, 3, "it survives a restart");
  assertEquals(daysOf(test), ["2026-06-16", "2026-06-17", "2026-06-18"]);
  assertEquals(test.failures, []);
});

Deno.test("on a full disk no day goes when days are kept for ever", async () => {
  await using test = new TestStore();
  await live(test, NOON_MS, { isAcknowledged: true });
  test.nowMs = NOON_MS + DAY_MS;
  const disk = openOnFullDisk(test);
  disk.isFull = true;
  await assertRejects(() => test.send("data", "refused"), Error, "the disk is full");
  await test.store.settled();
  assertEquals(daysOf(test), ["2026-06-15"]);
});

Deno.test("acknowledgements that come while the disk is full are durable as soon as there is space", async () => {
  await using test = new TestStore({ backends: ["b"] });
  const disk = openOnFullDisk(test);
  await test.send("data", "one", "two");
  const ids = test.store.lease("b", 10, 10_000).map(({ id }) => id);
  disk.isFull = true;
  const settled = test.acknowledge("b", ids);
  await assertRejects(() => test.send("data", "refused"), Error, "the disk is full");
  disk.isFull = false;
  await test.send("data", "three"); // takes them along
  await settled;
  test.crash();
  await test.open();
  assertEquals(test.store.lease("b", 10, 10_000).length, 1);
  assert(test.failures.length === 0);
});

/** A day on which one message is stored. */
async function live(
  test: TestStore,
  nowMs: number,
  { isAcknowledged }: { isAcknowledged: boolean },
): Promise<void> {
  test.nowMs = nowMs;
  await test.open();
  await test.send("data", "a message");
  if (isAcknowledged) await test.acknowledge("b", test.store.lease("b", 10, 10_000).map(({ id }) => id));
  await test.store.close();
}

function daysOf({ messagesFolder }: TestStore): string[] {
  return [...new Set([...Deno.readDirSync(messagesFolder)].map(({ name }) => name.slice(0, 10)))].sort();
}

/** Opens the store so that commits fail as they do on a full disk, while it is said to be. */
function openOnFullDisk(test: TestStore): Fullness {
  const disk = { isFull: false };
  test.openFragile({}, (database) => failWhileFull(database, disk));
  return disk;
}
