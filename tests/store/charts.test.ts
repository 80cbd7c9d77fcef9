// Runs in: tests.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { join } from "@std/path";
import type { SeriesAnswer, SeriesQuery } from "../../src/shared/protocol.ts";
import { Series } from "../../src/store/series.ts";
import { SentRate } from "../../src/store/sent_rate.ts";
import { measureDay } from "../support/measured_day.ts";
import { NOON_MS, TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const ALL: SeriesQuery = { keys: null, fromMs: null, toMs: null, points: null };

/** Stores one measurement at a time of the store's clock. */
async function measure(store: TestStore, timeMs: number, data: Record<string, unknown>): Promise<void> {
  store.nowMs = timeMs;
  await store.sendBody("data", JSON.stringify({ variant: "data", data }));
}

/** What a key's means are at the times that have any, in minutes from a moment on. */
function means({ fromMs, bucketMs, keys }: SeriesAnswer, key: string, originMs: number): [number, number][] {
  return keys[key]!.mean.flatMap((mean, index): [number, number][] =>
    mean === null ? [] : [[(fromMs + index * bucketMs - originMs) / MINUTE_MS, mean]]
  );
}

Deno.test("charts: minutes hold mean, least and greatest, gaps stay gaps, and what comes later is added", async () => {
  await using store = await new TestStore().open();
  await measure(store, NOON_MS, { co2: 400, label: "dry", isOpen: true });
  await measure(store, NOON_MS + 1000, { co2: 410 });
  await measure(store, NOON_MS + 3 * MINUTE_MS, { co2: 500, humidity: 40 });
  const query = { keys: ["co2"], fromMs: NOON_MS, toMs: NOON_MS + 4 * MINUTE_MS, points: 100 };
  assertEquals(await store.store.series(query), {
    fromMs: NOON_MS,
    bucketMs: MINUTE_MS,
    keys: {
      co2: {
        mean: [405, null, null, 500, null],
        min: [400, null, null, 500, null],
        max: [410, null, null, 500, null],
      },
    },
    leftOut: 0,
  });
  await measure(store, NOON_MS + 4 * MINUTE_MS, { co2: 7 });
  assertEquals((await store.store.series(query)).keys["co2"]!.mean, [405, null, null, 500, 7]);
  assertEquals(Object.keys((await store.store.series(ALL)).keys), ["co2", "humidity"]);
});

Deno.test("charts: fewer points join minutes, weighted by how much was measured", async () => {
  await using store = await new TestStore().open();
  for (const value of [1, 1, 1]) await measure(store, NOON_MS, { a: value });
  await measure(store, NOON_MS + MINUTE_MS, { a: 5 });
  store.nowMs = NOON_MS + 2 * HOUR_MS;
  const { bucketMs, keys } = await store.store.series({
    keys: null,
    fromMs: NOON_MS,
    toMs: NOON_MS + 2 * HOUR_MS - 1,
    points: 12,
  });
  assertEquals([bucketMs, keys["a"]!.mean[0], keys["a"]!.min[0], keys["a"]!.max[0]], [
    10 * MINUTE_MS,
    2,
    1,
    5,
  ]);
  assertEquals(keys["a"]!.mean.length, 12);
});

Deno.test("charts: 24 hours over midnight, from compressed, plain and damaged files", async () => {
  await using store = await new TestStore().open();
  const midnightMs = NOON_MS + 12 * HOUR_MS;
  await measure(store, midnightMs - 13 * HOUR_MS, { a: 1 }); // too old in the end
  await measure(store, midnightMs - 11 * HOUR_MS, { a: 2 });
  await measure(store, midnightMs - 1 * HOUR_MS, { a: 3 });
  await measure(store, midnightMs + 12 * HOUR_MS - MINUTE_MS, { a: 4 });
  store.nowMs = midnightMs + 12 * HOUR_MS;
  await store.store.close();
  const yesterday = join(store.messagesFolder, "2026-06-15.jsonl");
  const text = Deno.readTextFileSync(yesterday);
  Deno.writeFileSync(
    `${yesterday}.gz`,
    gzipSync(`{"variant":"data"}\n\0\0\0"variant":"data"\n${text}`),
  );
  Deno.removeSync(yesterday);
  await store.open();
  const answer = await store.store.series({ ...ALL, points: 1440 });
  assertEquals(means(answer, "a", midnightMs), [[-660, 2], [-60, 3], [719, 4]]);
});

Deno.test("charts: what is stored while the files are read counts once", async () => {
  await using store = await new TestStore().open();
  for (let at = 0; at < 300; at++) await measure(store, NOON_MS + at, { a: 1 });
  const reading = store.store.series(ALL);
  for (let at = 0; at < 300; at++) await measure(store, NOON_MS + at, { a: 3 });
  await reading;
  const { keys } = await store.store.series(ALL);
  assertAlmostEquals(keys["a"]!.mean.find((mean) => mean !== null)!, 2);
});

Deno.test("charts: files are read at leisure while nobody waits, at once when somebody does, never after the end", async () => {
  await using store = new TestStore();
  await measureDay(store.directory, { keys: 1, nowMs: NOON_MS });
  await store.open();
  const startMs = performance.now();
  const prepared = store.store.series({ ...ALL, keys: [] }).then(() => performance.now() - startMs);
  await measure(store, NOON_MS, { sensor_0: 77 }); // the store does its work meanwhile
  const { keys } = await store.store.series(ALL);
  assert(keys["sensor_0"]!.mean.filter((mean) => mean !== null).length > 280);
  assert(await prepared < 5000, "at leisure it would have taken 7 s of pauses alone");
  assertEquals(keys["sensor_0"]!.max.findLast((value) => value !== null), 77);
  await store.store.close();
  await store.open();
  const cut = store.store.series({ ...ALL, keys: [] });
  await store.store.close();
  await cut;
});

Deno.test("charts: the number of keys is bounded, and the answer says how many are left out", async () => {
  await using store = await new TestStore().open();
  const data = Object.fromEntries(Array.from({ length: 230 }, (_, index) => [`key_${index}`, index]));
  await measure(store, NOON_MS, data);
  const { keys, leftOut } = await store.store.series(ALL);
  assertEquals([Object.keys(keys).length, leftOut], [200, 30]);
});

Deno.test("charts: times that cannot be are not drawn", async () => {
  await using store = await new TestStore().open();
  await store.store.series(ALL);
  await measure(store, NOON_MS + 3 * HOUR_MS, { a: 1 });
  store.nowMs = NOON_MS;
  await measure(store, NOON_MS, { b: 1 });
  const { keys } = await store.store.series(ALL);
  assertEquals([keys["a"]?.mean.some((mean) => mean !== null) ?? false, "b" in keys], [false, true]);
});

Deno.test("charts: a clock that was ahead costs no other time its place", () => {
  const series = new Series(() => NOON_MS);
  const drawn = () => means(series.read({ ...ALL, points: 1440 }), "a", NOON_MS);
  series.add(NOON_MS + 3 * HOUR_MS, { a: 1 }); // would have the place of 21 hours ago
  series.add(NOON_MS - 21 * HOUR_MS, { a: 2 });
  assertEquals(drawn(), [[-1260, 2]]);
  series.add(NOON_MS + 4 * MINUTE_MS, { a: 3 }); // a little ahead is believed
  series.add(NOON_MS + 4 * MINUTE_MS - 24 * HOUR_MS, { a: 4 }); // and stays when older values are read
  const ahead = series.read({ ...ALL, toMs: NOON_MS + 4 * MINUTE_MS, points: 1440 });
  assertEquals(means(ahead, "a", NOON_MS), [[-1260, 2], [4, 3]]);
});

Deno.test("charts: new numbers are told while somebody watches, together and newest first", async () => {
  const told: unknown[] = [];
  await using store = await new TestStore({ onPoints: (points) => told.push(points) }).open();
  await measure(store, NOON_MS, { a: 1 });
  store.store.watchPoints(true);
  await measure(store, NOON_MS + 1, { a: 2, b: 1, text: "no number" });
  await measure(store, NOON_MS + 2, { a: 3 });
  await until("points are told", () => told.length > 0);
  assertEquals(told, [{ timeMs: NOON_MS + 2, values: { a: 3, b: 1 } }]);
  store.store.watchPoints(false);
  await measure(store, NOON_MS + 3, { a: 4 });
  assertEquals(told.length, 1);
});

Deno.test("what a backend has sent: per second over the last minute, and when", () => {
  const rate = new SentRate(1000);
  assertEquals(rate.read(1000), { perSecond: 0, lastMs: null });
  for (let at = 0; at < 120; at++) rate.count(5, 1000 + at * 1000, NOON_MS + at);
  const { perSecond, lastMs } = rate.read(120_000);
  assertAlmostEquals(perSecond, 5, 0.2);
  assertEquals(lastMs, NOON_MS + 119);
  assert(rate.read(150_000).perSecond < 4);
  assertEquals(rate.read(300_000).perSecond, 0);
});

Deno.test("charts: an answer has so many points in all, however many keys and points are asked for", () => {
  const series = new Series(() => NOON_MS);
  const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
  for (let minute = 0; minute < 1440; minute++) {
    series.add(NOON_MS - minute * MINUTE_MS, Object.fromEntries(keys.map((key) => [key, minute])));
  }
  for (const asked of [null, [...keys, ...keys, ...keys]]) {
    const answer = series.read({ ...ALL, keys: asked, points: 1e9 });
    const counts = Object.values(answer.keys).map(({ mean }) => mean.length);
    assertEquals(counts.length, 200);
    assert(counts.every((count) => count <= 301), `${counts}`);
    assertEquals(answer.bucketMs, 5 * MINUTE_MS);
  }
});
