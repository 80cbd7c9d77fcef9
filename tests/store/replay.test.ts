// Runs in: tests.
import { assertEquals, assertNotEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

/** More than a replay feeds at once. */
const MANY = 5000;

Deno.test("a replay whose backend is removed leaves nothing behind: neither its number, nor its reader, nor rows", async () => {
  await using test = await new TestStore({ backends: ["a", "b"] }).open();
  for (let sent = 0; sent < MANY; sent += 1000) {
    await test.send("data", ...Array.from({ length: 1000 }, (_, index) => `${sent + index}`));
  }
  for (const backend of ["a", "b"]) {
    await test.acknowledge(backend, test.store.lease(backend, MANY, 100_000_000).map(({ id }) => id));
  }
  const waiting = (backend: string) =>
    test.store.request({ kind: "statistics" }).backends[backend]?.data.waiting ?? 0;
  const span = { fromMs: 0, toMs: test.nowMs + 1 };
  const first = test.store.request({ kind: "replay", backend: "a", ...span });
  await until("the first replay to be under way", () => waiting("a") >= 2000);
  test.store.setBackends(["b"]);
  const second = test.store.request({ kind: "replay", backend: "b", ...span });
  assertNotEquals(second, first);
  const again: number[] = [];
  await until("everything to be sent again", async () => {
    const ids = test.store.lease("b", 500, 1_000_000).map(({ id }) => id);
    await test.acknowledge("b", ids);
    return again.push(...ids) >= MANY;
  });
  assertEquals(again, Array.from({ length: MANY }, (_, index) => index + 1));
  test.store.setBackends(["b", "a"]);
  assertEquals(waiting("a"), 0);
  test.assertSums();
});

Deno.test("a backend that is removed while a piece of its replay is read gets none of it when it comes back", async () => {
  await using test = await new TestStore({ backends: ["b"] }).open();
  for (let sent = 0; sent < 3000; sent += 500) {
    await test.send("data", ...Array.from({ length: 500 }, (_, index) => `${sent + index}`));
  }
  for (let turns = 0; turns < 12; turns++) { // somewhere between the first line and the last
    const name = `a${turns}`;
    test.store.setBackends(["b", name]);
    test.store.request({ kind: "replay", backend: name, fromMs: 0, toMs: test.nowMs + 1 });
    await test.send("log", "the commit that begins to read");
    await turn(turns);
    test.store.setBackends(["b"]);
    await turn(50);
    test.store.setBackends(["b", name]);
    assertEquals(test.store.lease(name, 10, 10_000), [], `after ${turns} turns`);
  }
});

async function turn(times: number): Promise<void> {
  for (let turns = 0; turns < times; turns++) await new Promise((resolve) => setImmediate(resolve));
}
