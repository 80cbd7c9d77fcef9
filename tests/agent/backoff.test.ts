// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createBackoff } from "../../src/agent/backoff.ts";

const almostOne = () => 1 - 2 ** -53;

Deno.test("the longest delay is 1 s, and doubles to 15 min", () => {
  const backoff = createBackoff(almostOne);
  const delays = Array.from({ length: 14 }, () => Math.round(backoff.next(0)));
  assertEquals(
    delays.slice(0, 11),
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900].map((seconds) => seconds * 1000),
  );
  assertEquals(delays.slice(11), [900_000, 900_000, 900_000]);
});

Deno.test("60 s of health start it over, less do not", () => {
  const backoff = createBackoff(almostOne);
  for (let failure = 0; failure < 8; failure++) backoff.next(0);
  assertEquals(Math.round(backoff.next(59_999)), 256_000);
  assertEquals(Math.round(backoff.next(60_000)), 1000);
  assertEquals(Math.round(backoff.next(0)), 2000);
});

Deno.test("the delay is drawn from the whole range, so that workers do not come back all at once", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: almostOne(), noNaN: true }), fc.nat(40), (random, failures) => {
      const backoff = createBackoff(() => random);
      for (let failure = 0; failure < failures; failure++) backoff.next(0);
      const delay = backoff.next(0);
      assert(delay >= 0 && delay < 900_000);
      assertEquals(delay, random * Math.min(900_000, 1000 * 2 ** failures));
    }),
  );
});

Deno.test("a fresh process goes on where the one before it was", () => {
  const backoff = createBackoff(almostOne, 3);
  assertEquals([backoff.failures, Math.round(backoff.again())], [3, 4000]);
  assertEquals([Math.round(backoff.next(0)), backoff.failures], [8000, 4]);
  assertEquals([Math.round(backoff.next(60_000)), backoff.failures], [1000, 1]);
});
