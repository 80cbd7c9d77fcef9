// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { TestStore } from "../support/test_store.ts";

const settings = { ...new TestStore().options().settings, max_outbox_mb: 1 };
const LARGE = "x".repeat(50_000);

Deno.test("above its bound the outbox lets the oldest data go, then logs, never configuration status", async () => {
  await using test = await new TestStore({ settings, backends: ["b"] }).open();
  await test.send("config", "kept");
  for (let i = 0; i < 40; i++) await test.send("log", `log ${i} ${LARGE.slice(0, 20_000)}`);
  for (let i = 0; i < 40; i++) await test.send("data", `data ${i} ${LARGE}`);
  await test.store.settled(); // only what is synced in a daily file may leave
  await test.send("log", "one more commit");
  const { data, log, config } = test.store.request({ kind: "statistics" }).backends["b"]!;
  assertEquals(data.dropped, 40);
  assert(log.dropped > 0 || log.waiting === 41);
  assertEquals([config.dropped, config.waiting], [0, 1]);
  test.assertSums();
  assertEquals((await test.lines()).length, 82, "everything stays in the daily files");
  assertEquals(
    test.log.filter(({ subject }) => /given up for backends/.test(subject)).length,
    1,
    "logged once an hour",
  );
});

Deno.test("what a backend has acknowledged counts as acknowledged, also when the bound drops around it", async () => {
  await using test = await new TestStore({ settings, backends: ["b"] }).open();
  for (let i = 0; i < 10; i++) await test.send("data", `${i} ${LARGE}`);
  const leased = test.store.lease("b", 10, 10_000_000);
  await test.acknowledge("b", leased.slice(1, 4).map(({ id }) => id)); // the first is still under way
  for (let i = 0; i < 20; i++) await test.send("data", `${i} ${LARGE}`);
  await test.store.settled();
  await test.send("log", "one more commit");
  const { data } = test.store.request({ kind: "statistics" }).backends["b"]!;
  assertEquals(data.acknowledged, 3);
  test.assertSums();
});
