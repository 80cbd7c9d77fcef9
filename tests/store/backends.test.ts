// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { TestStore } from "../support/test_store.ts";

/** Leases everything and returns the ids. */
function leaseIds(test: TestStore, backend: string, count = 100): number[] {
  return test.store.lease(backend, count, 1_000_000).map(({ id }) => id);
}

/** Waits, with a deadline, until what the store does by itself has led to `condition`. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

Deno.test("configuration status goes before logs before data, each oldest first", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  await test.send("data", "1", "2");
  await test.send("log", "3");
  await test.send("config", "4");
  await test.send("data", "5");
  assertEquals(leaseIds(test, "b"), [4, 3, 1, 2, 5]);
});

Deno.test("a lease is bounded by messages and by bytes, but never empty while something waits", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  await test.send("data", "x".repeat(1000), "x".repeat(1000), "x".repeat(1000));
  assertEquals(test.store.lease("b", 10, 10).length, 1);
  assertEquals(test.store.lease("b", 1, 1_000_000).length, 1);
});

Deno.test("a new backend starts at now; a removed one lets go of what waited for it, counted", async () => {
  await using test = await new TestStore({ backends: ["old"] }).open();
  await test.send("data", "before");
  test.store.setBackends(["old", "new"]);
  await test.send("data", "after");
  assertEquals(leaseIds(test, "new"), [2]);
  test.store.setBackends(["new"]);
  assertEquals(test.log.at(-1)!.subject, 'backend "old" was removed: 2 messages no longer wait for it');
});

Deno.test("an outage of one backend holds up no other", async () => {
  await using test = await new TestStore({ backends: ["a", "b"] }).open();
  await test.send("data", "1", "2");
  await test.acknowledge("a", leaseIds(test, "a"));
  await test.send("data", "3");
  assertEquals(leaseIds(test, "a"), [3]);
  assertEquals(leaseIds(test, "b"), [1, 2, 3]);
});

Deno.test("what is parked is kept with its reason, can be tried again, or given up", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  await test.send("data", "poison", "fine", "poison too");
  const [first, second, third] = leaseIds(test, "b");
  await test.park("b", first!, "keys must be lower case");
  await test.acknowledge("b", [second!]);
  await test.park("b", third!, "too large");
  const parked = test.store.request({ kind: "parked_list", backend: null, afterId: 0, limit: 10 });
  assertEquals(parked.map(({ id, reason }) => [id, reason]), [[1, "keys must be lower case"], [
    3,
    "too large",
  ]]);
  assertEquals(test.store.request({ kind: "parked_retry", backend: "b", ids: [1] }), { count: 1 });
  assertEquals(leaseIds(test, "b"), [1]);
  assertEquals(test.store.request({ kind: "parked_drop", backend: "b", ids: "all" }), { count: 1 });
  await test.acknowledge("b", [1]);
  test.assertSums();
  const { data } = test.store.request({ kind: "statistics" }).backends["b"]!;
  assertEquals([data.acknowledged, data.dropped, data.parked, data.waiting], [2, 1, 0, 0]);
});

Deno.test("a replay sends the messages of a time span again, to one backend, and goes on after a restart", async () => {
  await using test = await new TestStore({ backends: ["a", "b"] }).open();
  const startMs = test.nowMs;
  for (let day = 0; day < 4; day++) {
    for (let i = 0; i < 700; i++) void test.send("data", `${day} ${i}`);
    await test.send("data", "last of the day");
    test.nowMs += 86_400_000;
  }
  for (const backend of ["a", "b"]) await test.acknowledge(backend, leaseIds(test, backend, 10_000));
  test.store.request({
    kind: "replay",
    backend: "a",
    fromMs: startMs + 86_400_000,
    toMs: startMs + 3 * 86_400_000,
  });
  await until(
    () => test.store.request({ kind: "statistics" }).backends["a"]!.data.waiting > 0,
    "the replay has begun",
  );
  await test.store.close();
  await test.open();
  const again: number[] = [];
  await until(() => {
    const ids = leaseIds(test, "a", 500);
    again.push(...ids);
    void test.acknowledge("a", ids);
    return again.length >= 1402;
  }, "two days have been sent again");
  assertEquals(again.toSorted((x, y) => x - y), Array.from({ length: 1402 }, (_, i) => 702 + i));
  assertEquals(leaseIds(test, "b"), []);
  test.assertSums();
});

Deno.test("messages that are sent again after the answer was lost are stored once", async () => {
  await using test = await new TestStore().open();
  const messages = [1, 2, 3].map((sequence) => ({
    sequence,
    timeMs: test.nowMs,
    variant: "data" as const,
    body: `{"variant":"data","data":{"n":${sequence}}}`,
  }));
  const producer = { name: "p", generation: 7 };
  const append = (from: number) =>
    new Promise<void>((resolve) =>
      test.store.append({ producer, messages: messages.slice(from), answer: () => resolve() })
    );
  await append(0);
  await test.store.close();
  await test.open(); // the same run of the agent, a new store
  await append(1);
  assertEquals((await test.messages()).map(({ id }) => id), [1, 2, 3]);
});

Deno.test("a replay to a backend that does not exist is refused", async () => {
  await using test = await new TestStore().open();
  await assertRejects(
    () =>
      Promise.resolve().then(() => test.store.request({ kind: "replay", backend: "x", fromMs: 0, toMs: 1 })),
    Error,
    'there is no backend "x"',
  );
});
