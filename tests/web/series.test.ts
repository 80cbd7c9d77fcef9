// Runs in: tests.
import { assertEquals } from "@std/assert";
import { plotOptions, plotTable } from "../../src/web/plot.js";
import { lonePoints, Series, splitAtGaps } from "../../src/web/series.js";
import { sparkPaths } from "../../src/web/spark_paths.js";

const MINUTE_MS = 60_000;
const columns = (mean: (number | null)[]) => ({ mean, min: mean, max: mean });
type Point = { timeMs: number; mean: number; min: number; max: number; last: number } | null;
const shape = (line: Point[]) => line.map((point) => point === null ? "gap" : point.mean).join(" ");

function seriesOf(keys: Record<string, (number | null)[]>, options: { onlyKey?: string } = {}): Series {
  const answer = {
    keys_left_out: 0,
    from_ms: 0,
    bucket_ms: MINUTE_MS,
    keys: Object.fromEntries(Object.entries(keys).map(([key, mean]) => [key, columns(mean)])),
  };
  return new Series(answer, { rangeMs: 10 * MINUTE_MS, points: 10, ...options });
}

Deno.test("measurements that are missing are a gap; seldom ones are a line", () => {
  const often = seriesOf({ often: [1, 2, 3, null, null, null, null, 4, 5, null] });
  assertEquals(shape(often.line("often", 60 * MINUTE_MS)), "1 2 3 gap 4 5");
  const seldom = seriesOf({ seldom: [1, null, null, 2, null, null, 3, null, null, 4] });
  assertEquals(shape(seldom.line("seldom", 60 * MINUTE_MS)), "1 2 3 4");
  const one = seriesOf({ one: [null, null, 7, null] });
  assertEquals(shape(one.line("one", 60 * MINUTE_MS)), "7");
  assertEquals(shape(one.line("unknown", 60 * MINUTE_MS)), "");
});

Deno.test("what is measured now joins what was loaded, in buckets as wide", () => {
  const series = seriesOf({ co2: [null, null, null, null, null, null, null, null, null, 400] });
  const at = (seconds: number, value: number) =>
    series.add({ time_ms: 10 * MINUTE_MS + seconds * 1000, values: { co2: value, young: value } });
  at(1, 410);
  at(2, 414);
  at(3, 409);
  assertEquals(shape(series.line("co2", 60 * MINUTE_MS)), "400 411");
  const { timeMs, min, max, last } = series.last("co2")!;
  assertEquals([timeMs, min, max, last], [10 * MINUTE_MS + 3000, 409, 414, 409]);
  at(61, 420);
  assertEquals(shape(series.line("co2", 60 * MINUTE_MS)), "400 411 420");
  at(30, 1);
  assertEquals(shape(series.line("co2", 60 * MINUTE_MS)), "400 411 420", "an older one comes too late");
  assertEquals(series.keys, ["co2", "young"]);
});

Deno.test("keys are sorted as people count", () => {
  assertEquals(seriesOf({ channel_10: [1], channel_9: [1], co2: [1] }).keys, [
    "channel_9",
    "channel_10",
    "co2",
  ]);
});

Deno.test("a series of one key takes only that one in", () => {
  const series = seriesOf({ co2: [1] }, { onlyKey: "co2" });
  series.add({ time_ms: MINUTE_MS, values: { co2: 2, load: 3 } });
  assertEquals(series.keys, ["co2"]);
  assertEquals(series.last("co2")!.last, 2);
});

Deno.test("what is older than the chart's time leaves it", () => {
  const series = seriesOf({ co2: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] });
  series.add({ time_ms: 12 * MINUTE_MS, values: { co2: 11 } });
  assertEquals(shape(series.line("co2", 60 * MINUTE_MS)), "3 4 5 6 7 8 9 10 11");
});

Deno.test("the minute that is not over yet ends now, and holds up nothing", () => {
  const series = seriesOf({ co2: [1, 2] });
  const nowMs = MINUTE_MS + 1000;
  assertEquals(series.line("co2", nowMs).map((point: Point) => point!.timeMs), [MINUTE_MS / 2, nowMs]);
  series.add({ time_ms: nowMs, values: { co2: 3 } });
  assertEquals(shape(series.line("co2", nowMs)), "1 2 3");
});

Deno.test("the age of a loaded point is told only where it is known", () => {
  const series = seriesOf({ fresh: [null, 1], old: [1, null] });
  assertEquals(series.timeOf(series.last("fresh")!, 2 * MINUTE_MS), undefined);
  assertEquals(series.timeOf(series.last("old")!, 4 * MINUTE_MS), MINUTE_MS / 2);
  series.add({ time_ms: 2 * MINUTE_MS, values: { fresh: 2 } });
  assertEquals(series.timeOf(series.last("fresh")!, 2 * MINUTE_MS), 2 * MINUTE_MS);
});

Deno.test("a point between two gaps is a dot, in both charts", () => {
  const points = [0, 1, 2, 20, 40, 41].map((minute) => ({ timeMs: minute * MINUTE_MS, mean: minute }));
  const line = splitAtGaps(points, MINUTE_MS);
  assertEquals(lonePoints(line), [4]);
  const { strokes, dots } = sparkPaths(line, 0, 50 * MINUTE_MS);
  assertEquals(strokes.match(/[ML]/g)!.join(""), "MLLML");
  assertEquals(dots.match(/M[\d.]+/g), ["M80.0"]);
  assertEquals(sparkPaths(splitAtGaps([points[0]], MINUTE_MS), 0, MINUTE_MS).dots, "M0.0 20.0h0.01");
});

Deno.test("uPlot gets seconds, and nulls where nothing was measured", () => {
  const point = (seconds: number, mean: number) => ({
    timeMs: seconds * 1000,
    mean,
    min: mean - 1,
    max: mean + 1,
  });
  const table = plotTable([point(1, 5), point(2, 6), null, point(10, 7)]);
  assertEquals(table, [[1, 2, 6, 10], [5, 6, null, 7], [4, 5, null, 6], [6, 7, null, 8]]);
  const { series } = plotOptions({ size: {}, colour: () => "", onCursor: () => {} });
  const { points: { filter } } = series[1] as { points: { filter(plot: unknown, series: number): number[] } };
  assertEquals(filter({ data: table }, 1), [0, 1, 3], "few points are dots");
  const many = plotTable([...Array(50).keys()].map((second) => point(second, 1)));
  assertEquals(filter({ data: many }, 1), []);
});
