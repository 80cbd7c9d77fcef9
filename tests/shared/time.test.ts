// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { formatBytes, formatDuration, pause, utcDay, withLimit } from "../../src/shared/time.ts";

Deno.test("a day is the UTC day, whatever the machine's time zone", () => {
  assertEquals(utcDay(Date.UTC(2026, 10, 22, 23, 59, 59, 999)), "2026-11-22");
  assertEquals(utcDay(Date.UTC(2026, 10, 23)), "2026-11-23");
});

for (
  const [milliseconds, text] of [
    [-5, "0.0 s"],
    [0, "0.0 s"],
    [449, "0.4 s"],
    [9949, "9.9 s"],
    [9950, "10 s"],
    [119_000, "119 s"],
    [120_000, "2 min"],
    [7_199_000, "119 min"],
    [7_200_000, "2 h"],
    [12_000_000, "3 h 20 min"],
    [172_800_000, "2 d"],
    [439_200_000, "5 d 2 h"],
  ] as const
) {
  Deno.test(`${milliseconds} ms are ${text}`, () => assertEquals(formatDuration(milliseconds), text));
}

for (
  const [bytes, text] of [
    [0, "0 B"],
    [0.4, "0 B"],
    [512, "512 B"],
    [1000, "1.0 kB"],
    [1_640_000, "1.6 MB"],
    [123_456_789, "123 MB"],
    [2.5e12, "2.5 TB"],
    [2.5e15, "2500 TB"],
  ] as const
) {
  Deno.test(`${bytes} bytes are ${text}`, () => assertEquals(formatBytes(bytes), text));
}

Deno.test("a pause passes, is cut short by its signal, and is over at once when that has come already", async () => {
  assertEquals(await pause(1), true);
  const stop = new AbortController();
  const waiting = pause(60_000, stop.signal);
  stop.abort();
  assertEquals(await waiting, false);
  assertEquals(await pause(60_000, stop.signal), false);
});

Deno.test("a pause of more than 24 days does not end at once, as a timer would", async () => {
  const stop = new AbortController();
  const ended = pause(90 * 86_400_000, stop.signal);
  assertEquals(await withLimit(ended, 20, "goes on"), "goes on");
  stop.abort();
  assertEquals(await ended, false);
});

Deno.test("a limit gives the result, the failure, or what stands for too late", async () => {
  assertEquals(await withLimit(Promise.resolve(1), 60_000, "late"), 1);
  assertEquals(await withLimit(new Promise(() => {}), 1, "late"), "late");
  const failed = await withLimit(Promise.reject(new Error("no")), 60_000, "late").catch((error) => error);
  assert(failed instanceof Error && failed.message === "no");
});
