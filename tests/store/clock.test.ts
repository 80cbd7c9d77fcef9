// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { NOON_MS, TestStore } from "../support/test_store.ts";

const YEAR_1970_MS = 5 * 60_000;

Deno.test("messages from before the clock was right are leased with the right time, and their file is not rewritten", async () => {
  await using test = new TestStore({
    backends: ["b"],
    clockTrusted: false,
    boot: { id: "x", uptimeMs: 60_000 },
  });
  test.nowMs = YEAR_1970_MS;
  await test.open();
  await test.send("data", "measured at boot + 60 s");
  test.monotonicMs += 10_000;
  test.nowMs += 10_000;
  await test.send("data", "measured at boot + 70 s");
  test.monotonicMs += 30_000;
  test.nowMs = NOON_MS; // the network sets the clock: now is boot + 100 s
  test.store.trustClock();
  await test.send("data", "with the right clock");
  const leased = test.store.lease("b", 10, 10_000).filter(({ variant }) => variant === "data");
  assertEquals(leased.map(({ timestamp }) => timestamp * 1000 - NOON_MS), [-40_000, -30_000, 0]);
  assertEquals(test.store.request({ kind: "corrections" }), [{ boot: "x", bootedMs: NOON_MS - 100_000 }]);
  const [first] = await test.lines();
  assert(first!.includes('"timestamp":300,"boot":"x","monotonic_ms":60000,'), first);
});

Deno.test("a correction also holds after a restart, and only for its own boot", async () => {
  await using test = new TestStore({ backends: ["b"], clockTrusted: false, boot: { id: "x", uptimeMs: 0 } });
  test.nowMs = YEAR_1970_MS;
  await test.open();
  await test.send("data", "first boot");
  await test.store.close();
  await test.open({ boot: { id: "y", uptimeMs: 0 } });
  await test.send("data", "second boot");
  test.nowMs = NOON_MS;
  test.store.trustClock();
  await test.store.close();
  await test.open({ clockTrusted: true });
  const times = test.store.lease("b", 10, 10_000).map(({ timestamp }) => timestamp * 1000);
  assertEquals(times[0], YEAR_1970_MS, "nobody knows when the first boot was");
  assertEquals(times[1], NOON_MS);
});

Deno.test("a message that was stamped just before the clock jumped is not taken for one from the past", async () => {
  await using test = new TestStore({ clockTrusted: false, boot: { id: "x", uptimeMs: 0 } });
  test.nowMs = YEAR_1970_MS;
  await test.open();
  await test.send("data", "before");
  const stampedMs = test.nowMs;
  test.nowMs = NOON_MS;
  await new Promise<void>((resolve) =>
    test.store.append({
      producer: { name: "late", generation: 1 },
      messages: [{
        sequence: 1,
        timeMs: stampedMs,
        variant: "data",
        body: '{"variant":"data","data":{"a":1}}',
      }],
      answer: () => resolve(),
    })
  );
  const monotonic = (await test.lines()).map((line) => JSON.parse(line).monotonic_ms);
  assertEquals(monotonic[1] - monotonic[0], 0);
});

Deno.test("steps of the clock back and forth never reorder ids and lose no line", async () => {
  await using test = await new TestStore().open();
  for (const hours of [0, -20, 30, -40, 5, 26]) {
    test.nowMs = NOON_MS + hours * 3_600_000;
    await test.send("data", `${hours}`);
  }
  await test.store.close();
  const ids = (await test.messages()).map(({ id }) => id);
  assertEquals(ids.toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6]);
});

Deno.test("a clock that is distrusted after a jump: what is measured meanwhile gets its right time later", async () => {
  await using test = await new TestStore({ backends: ["b"], boot: { id: "x", uptimeMs: 60_000 } }).open();
  await test.send("data", "right");
  test.monotonicMs += 10_000;
  test.nowMs = YEAR_1970_MS;
  test.store.distrustClock();
  await test.send("data", "measured 10 s later");
  test.monotonicMs += 10_000;
  test.nowMs = NOON_MS + 20_000;
  test.store.trustClock();
  await test.send("data", "right again");
  const leased = test.store.lease("b", 10, 10_000).filter(({ variant }) => variant === "data");
  assertEquals(leased.map(({ timestamp }) => timestamp * 1000 - NOON_MS), [0, 10_000, 20_000]);
});
