// Runs in: tests.
import { assertEquals } from "@std/assert";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatRelative,
  formatTick,
  formatUtc,
} from "../../src/web/format.js";

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const CASES: [string, string, string][] = [
  ["a measurement keeps 5 digits", formatNumber(412.123456), "412.12"],
  ["a large one keeps all before the point", formatNumber(1763806800.5), "1,763,806,801"],
  ["a tiny one is not rounded to nothing", formatNumber(0.00001234), "1.234e-5"],
  ["zero has no sign", formatNumber(-0), "0"],
  ["what is no number", formatNumber(NaN), "–"],
  ["a count", formatCount(1288), "1,288"],
  ["bytes", formatBytes(0), "0 B"],
  ["decimal units", formatBytes(12_340_000), "12.3 MB"],
  ["a disk", formatBytes(31e9), "31 GB"],
  ["seconds, up to two minutes", formatDuration(119_999), "119 s"],
  ["minutes", formatDuration(125 * 60_000 - 6 * 60_000), "119 min"],
  ["hours", formatDuration(47 * 3_600_000), "47 h"],
  ["days", formatDuration(1234 * 86_400_000), "1,234 d"],
  ["just now", formatRelative(NOON_MS, NOON_MS + 999), "now"],
  ["past", formatRelative(NOON_MS, NOON_MS + 4000), "4 s ago"],
  ["future, of a clock that jumps", formatRelative(NOON_MS, NOON_MS - 180_000), "in 3 min"],
  ["UTC", formatUtc(NOON_MS + 1234), "2026-11-22 12:00:01 UTC"],
  ["no time", formatUtc(NaN), ""],
  ["a minute on an axis", formatTick(NOON_MS + 60_000), "12:01"],
  ["a second on an axis", formatTick(NOON_MS + 61_000), "12:01:01"],
  ["midnight on an axis", formatTick(Date.UTC(2026, 10, 22)), "11-22"],
];

for (const [what, found, expected] of CASES) {
  Deno.test(`the page writes ${what}: ${expected}`, () => assertEquals(found, expected));
}
