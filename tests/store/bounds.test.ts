// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { mayMount, SmallDisk } from "../support/small_disk.ts";
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

const mounts = mayMount();

/** What every configuration of 0.1 had, by itself or written down. */
const OLD_LIMITS = { min_free_mb: 200, max_outbox_mb: 1024 };

for (const limits of [OLD_LIMITS, { min_free_mb: undefined, max_outbox_mb: undefined }]) {
  Deno.test({
    name: `a small disk that is nearly empty gives nothing up: ${JSON.stringify(limits)}`,
    ignore: !mounts,
    fn: async () => {
      using disk = new SmallDisk(120_000_000);
      const directory = `${disk.path}/data`;
      await using test = new TestStore({ directory, settings: { ...settings, ...limits }, backends: ["b"] });
      await test.open();
      for (let i = 0; i < 50; i++) {
        await test.send("data", `${i}`);
        test.monotonicMs += 2000;
      }
      await test.store.settled();
      await test.send("log", "one more commit");
      const { data } = test.store.request({ kind: "statistics" }).backends["b"]!;
      assertEquals([data.waiting, data.dropped], [50, 0]);
      test.assertSums();
    },
  });
}

Deno.test({
  name: "a small disk that gets short of space lets old data go",
  ignore: !mounts,
  fn: async () => {
    using disk = new SmallDisk(40_000_000);
    const directory = `${disk.path}/data`;
    await using test = new TestStore({
      directory,
      settings: { ...settings, ...OLD_LIMITS },
      backends: ["b"],
    });
    await test.open();
    await test.send("data", "old");
    await test.store.settled();
    Deno.writeFileSync(`${disk.path}/other`, new Uint8Array(38_500_000));
    test.monotonicMs += 2000;
    await test.send("log", "one more commit");
    const { data } = test.store.request({ kind: "statistics" }).backends["b"]!;
    assertEquals([data.waiting, data.dropped], [0, 1]);
    assert(test.log.some(({ subject }) => /because less than 2.0 MB of the disk are free/.test(subject)));
  },
});
