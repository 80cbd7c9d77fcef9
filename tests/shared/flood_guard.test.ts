// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { FloodGuard, weightOf } from "../../src/shared/flood_guard.ts";
import { InvalidMessageError } from "../../src/shared/shape.ts";

/** Counts messages that a receiver comes to at an even pace. */
function receive(messages: number, perSecond: number): void {
  let nowMs = 5000;
  const guard = new FloodGuard(() => nowMs);
  for (let count = 0; count < messages; count++) {
    guard.count();
    nowMs += 1000 / perSecond;
  }
}

for (const perSecond of [2000, 5000, 20_000, 1_000_000]) {
  Deno.test(`60,000 messages at once are a flood also where ${perSecond} a second are received`, () => {
    assertThrows(
      () => receive(60_000, perSecond),
      InvalidMessageError,
      "it sends more than 20000 messages at once",
    );
  });
}

Deno.test("20,000 messages at once are none, nor are 1,000 a second for hours", () => {
  receive(20_000, 1_000_000);
  receive(10_000_000, 1000);
});

Deno.test("after a pause a sender may send at once again", () => {
  let nowMs = 0;
  const guard = new FloodGuard(() => nowMs);
  for (let burst = 0; burst < 3; burst++) {
    for (let count = 0; count < 20_000; count++) guard.count();
    nowMs += 20_000;
  }
});

Deno.test("an amount counts for as much as it is, by a limit of its own", () => {
  const guard = new FloodGuard(() => 0, { unit: "characters", atOnce: 100, perSecond: 7 });
  guard.count(60);
  guard.count(40);
  assertThrows(
    () => guard.count(0.5),
    InvalidMessageError,
    "it sends more than 100 characters at once, or 7 a second",
  );
});

Deno.test("a message weighs the characters and bytes in it, keys as well", () => {
  assertEquals(weightOf("four"), 4);
  assertEquals(weightOf(new Uint8Array(1000)), 1000);
  assertEquals(weightOf([null, 1, true, undefined]), 1 + (1 + 1) * 4);
  assertEquals(weightOf({ key: "value", list: ["ab"] }), 1 + (3 + 5) + 4 + (1 + 1 + 2));
});
