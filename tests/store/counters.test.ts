// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { failWhileFull } from "../support/full_database.ts";
import { TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

/** The limits are looked at so often, in milliseconds. */
const LOOK_MS = 1000;

/** Settings whose bound can be moved: an outbox that may hold nothing lets go of all that is synced. */
function movableSettings() {
  return { ...new TestStore().options().settings };
}

function dataOf(test: TestStore, backend = "b") {
  const { oldestWaitingMs: _, ...counts } =
    test.store.request({ kind: "statistics" }).backends[backend]!.data;
  return counts;
}

const leaseIds = (test: TestStore, count = 100, backend = "b") =>
  test.store.lease(backend, count, 1_000_000).map(({ id }) => id);

for (const acknowledged of [1, 5, 10]) {
  Deno.test(`${acknowledged} of 10 messages are acknowledged in the commit that gives up old ones: each counts once`, async () => {
    const settings = movableSettings();
    await using test = await new TestStore({ settings, backends: ["b"] }).open();
    await test.send("data", ...Array.from({ length: 10 }, (_, index) => `${index}`));
    await test.store.settled();
    const ids = leaseIds(test);
    settings.max_outbox_mb = 0;
    test.monotonicMs += LOOK_MS;
    await test.acknowledge("b", ids.slice(0, acknowledged));
    await test.send("log", "one more commit");
    assertEquals(dataOf(test), {
      accepted: 10,
      acknowledged,
      waiting: 0,
      parked: 0,
      dropped: 10 - acknowledged,
    });
  });
}

Deno.test("what was acknowledged behind a message in hand counts once when that one is given up", async () => {
  const settings = movableSettings();
  await using test = await new TestStore({ settings, backends: ["b", "other"] }).open();
  await test.send("data", "0", "1", "2", "3");
  await test.store.settled();
  const [, second, third] = leaseIds(test);
  await test.acknowledge("b", [third!]);
  await test.park("b", second!, "poison");
  settings.max_outbox_mb = 0;
  test.monotonicMs += LOOK_MS;
  await test.acknowledge("other", leaseIds(test, 2, "other"));
  await test.send("log", "one more commit");
  assertEquals(dataOf(test), { accepted: 4, acknowledged: 1, waiting: 0, parked: 1, dropped: 2 });
  assertEquals(dataOf(test, "other"), { accepted: 4, acknowledged: 2, waiting: 0, parked: 0, dropped: 2 });
});

Deno.test("a message that waits twice or is parked twice is one message", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  const parkedNow = () =>
    test.store.request({ kind: "parked_list", backend: "b", afterId: 0, limit: 10 }).length;
  const replay = async () => {
    const waiting = dataOf(test).waiting;
    test.store.request({ kind: "replay", backend: "b", fromMs: 0, toMs: test.nowMs + 1 });
    await until("the replay", () => dataOf(test).waiting > waiting);
    test.assertSums();
  };
  await test.send("data", "poison");
  await test.park("b", leaseIds(test)[0]!, "poison");
  await replay(); // parked, and waits
  await test.park("b", leaseIds(test)[0]!, "poison again"); // parked twice
  assertEquals([parkedNow(), dataOf(test).parked], [1, 1]);
  await replay();
  assertEquals(test.store.request({ kind: "parked_retry", backend: "b", ids: "all" }), { count: 1 });
  test.assertSums();
  assertEquals(dataOf(test), { accepted: 1, acknowledged: 0, waiting: 1, parked: 0, dropped: 0 });
  await test.acknowledge("b", leaseIds(test));
  assertEquals(dataOf(test), { accepted: 1, acknowledged: 1, waiting: 0, parked: 0, dropped: 0 });
});

Deno.test("a backend that is added while ids are missing because the disk was full gets what comes next", async () => {
  await using test = new TestStore({ backends: ["b"] });
  const disk = { isFull: false };
  test.openFragile({}, (database) => failWhileFull(database, disk));
  await test.send("data", "one");
  disk.isFull = true;
  await test.send("data", "refused", "refused", "refused").catch(() => {});
  disk.isFull = false;
  test.store.setBackends(["b", "new"]);
  test.crash();
  await test.open({ backends: ["b", "new"] });
  assertEquals(test.log.filter(({ subject }) => /damaged/.test(subject)), []);
  await test.send("data", "two");
  assertEquals(test.store.lease("new", 10, 10_000).length, 1);
});

Deno.test("a backend that is removed while it has leases, and taken back: what comes then is counted anew", async () => {
  await using test = await new TestStore({ backends: ["b", "other"] }).open();
  await test.send("data", "1", "2", "3");
  const ids = leaseIds(test, 2);
  const others = leaseIds(test, 3, "other");
  const settled = test.acknowledge("other", others.slice(0, 1));
  test.store.setBackends(["other"]);
  await settled;
  assertEquals(dataOf(test, "other").acknowledged, 1, "what waited for a commit is not forgotten");
  await test.acknowledge("b", ids); // too late
  test.store.setBackends(["other", "b"]);
  await test.acknowledge("b", ids);
  await test.send("data", "4");
  assertEquals(dataOf(test), { accepted: 1, acknowledged: 0, waiting: 1, parked: 0, dropped: 0 });
  assertEquals(leaseIds(test), [4]);
});

Deno.test("the same backends again leave in hand what is in hand", async () => {
  await using test = await new TestStore({ backends: ["a", "b"] }).open();
  await test.send("data", "1", "2");
  assertEquals(leaseIds(test), [1, 2]);
  test.store.setBackends(["b", "a"]);
  assertEquals(leaseIds(test), []);
});

const IMPOSSIBLE: { name: string; harm: string; log: string }[] = [
  {
    name: "more was acknowledged than accepted",
    harm: "UPDATE places SET acknowledged = acknowledged + 25 WHERE variant = 'data'",
    log: 'the counters of backend "b" could not be true (-22 data waiting); they have been counted again',
  },
  {
    name: "less waits than there is",
    harm: "UPDATE places SET acknowledged = acknowledged + 2 WHERE variant = 'data'",
    log: 'the counters of backend "b" could not be true (1 data waiting); they have been counted again',
  },
  {
    name: "more was given up than there was",
    harm: "UPDATE places SET dropped = 1000 WHERE variant = 'data'",
    log: 'the counters of backend "b" could not be true (-997 data waiting); they have been counted again',
  },
  {
    name: "more is parked than there is",
    harm: "UPDATE places SET parked = 7, accepted = accepted + 5 WHERE variant = 'data'",
    log: 'the counters of backend "b" could not be true (3 data waiting); they have been counted again',
  },
];

for (const { name, harm, log } of IMPOSSIBLE) {
  Deno.test(`counters of a store of version 0.1 say that ${name}: they are put right at the start, and it is logged`, async () => {
    await using test = new TestStore({ backends: ["b"] }).openFragile();
    await test.send("data", "1", "2", "3", "4", "5", "6", "7");
    const [first, second, ...rest] = leaseIds(test, 4);
    await test.acknowledge("b", rest);
    await test.park("b", first!, "poison");
    await test.park("b", second!, "poison");
    test.crash();
    test.openFragile({}, (database) => database.exec(harm));
    const said = () => test.log.map(({ subject }) => subject).filter((line) => /counters/.test(line));
    assertEquals(said(), [log]);
    const { waiting, parked } = dataOf(test);
    assertEquals([waiting, parked], [3, 2]);
    test.crash();
    await test.open();
    assertEquals(said(), [log], "once");
  });
}

Deno.test("a place beyond the last id does not swallow what comes after a rebuild", async () => {
  await using test = new TestStore({ backends: ["b"] }).openFragile();
  await test.send("data", "1", "2");
  test.crash();
  test.openFragile({}, (database) => database.exec("UPDATE places SET done_id = 1000000"));
  test.crash();
  Deno.removeSync(join(test.directory, "places.json")); // so that only the damaged database knows
  await test.open();
  assertEquals(test.log.filter(({ subject }) => /is damaged \(/.test(subject)).length, 1);
  await test.send("data", "3");
  assertEquals(leaseIds(test).length, 1);
  await test.store.close();
  await test.open();
  assertEquals(test.log.filter(({ subject }) => /is damaged \(/.test(subject)).length, 1, "once");
});
