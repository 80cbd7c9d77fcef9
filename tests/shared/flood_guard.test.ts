// Runs in: tests.
import { assertThrows } from "@std/assert";
import { FloodGuard } from "../../src/shared/flood_guard.ts";
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
