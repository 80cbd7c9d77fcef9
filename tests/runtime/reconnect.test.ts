// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createReconnect, RECONNECT_TIMING } from "../../src/runtime/reconnect.ts";

const MINUTE_MS = 60_000;

function create(random: () => number) {
  const clock = { nowMs: 0 };
  const reconnect = createReconnect({ timing: RECONNECT_TIMING, monotonic: () => clock.nowMs, random });
  return { clock, reconnect };
}

/** Connects for ever, each time for `heldMs`. @returns when, in milliseconds. */
function simulate(durationMs: number, heldMs: number, random: () => number, byServer = true): number[] {
  const { clock, reconnect } = create(random);
  const attempts: number[] = [];
  while (clock.nowMs < durationMs) {
    reconnect.attempt();
    attempts.push(clock.nowMs);
    clock.nowMs += heldMs;
    clock.nowMs += reconnect.delayMs(heldMs, byServer);
  }
  return attempts;
}

Deno.test("the ceiling of the delay doubles from 1 s to 5 min", () => {
  const { clock, reconnect } = create(() => 0.999999);
  const delays = Array.from({ length: 11 }, () => {
    clock.nowMs += 3_600_000;
    return Math.round(reconnect.delayMs(0, false) / 1000);
  });
  assertEquals(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
});

Deno.test("the delay is drawn evenly below the ceiling: full jitter", () => {
  const { reconnect } = create(() => 0);
  assertEquals([reconnect.delayMs(0, false), reconnect.delayMs(0, false)], [0, 0]);
});

for (const heldMs of [0, 10, 1000, 59_999]) {
  Deno.test(`a connection that holds for ${heldMs} ms does not start the backoff over`, () => {
    const { reconnect } = create(() => 0.999999);
    for (let i = 0; i < 9; i++) reconnect.delayMs(heldMs, true);
    assert(reconnect.delayMs(heldMs, true) > 299_000);
  });
}

Deno.test("after 60 s of connection the network's next failure waits 1 s at most, the server's 32 s", () => {
  const { reconnect } = create(() => 0.999999);
  for (let i = 0; i < 9; i++) reconnect.delayMs(0, false);
  assertEquals(Math.round(reconnect.delayMs(MINUTE_MS, false)), 1000);
  assertEquals(Math.round(reconnect.delayMs(MINUTE_MS, true)), 32_000);
});

Deno.test("no storm: at most 12 connects in any 10 minutes, whatever the dice and the server do", () => {
  fc.assert(fc.property(
    fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
    fc.constantFrom(0, 5, 100, 2000, 20_000),
    fc.boolean(),
    (dice, heldMs, byServer) => {
      const attempts = simulate(60 * MINUTE_MS, heldMs, () => dice.next().value!, byServer);
      for (const from of attempts) {
        const within = attempts.filter((at) => at >= from && at < from + 10 * MINUTE_MS);
        assert(within.length <= 12, `${within.length} connects`);
      }
    },
  ));
});

Deno.test("a fleet that loses its server at once comes back with at most 5 % in any second", () => {
  const AGENTS = 2000;
  for (const outageMs of [500, 5000, 30_000, 120_000]) {
    const returns = Array.from({ length: AGENTS }, () => {
      const { clock, reconnect } = create(Math.random);
      for (let heldMs = 10 * MINUTE_MS; clock.nowMs < outageMs || heldMs > 0; heldMs = 0) {
        clock.nowMs += reconnect.delayMs(heldMs, true);
        reconnect.attempt();
      }
      return Math.floor((clock.nowMs - outageMs) / 1000);
    });
    const peak = Math.max(...Map.groupBy(returns, (second) => second).values().map(({ length }) => length));
    assert(peak / AGENTS <= 0.06, `${peak} of ${AGENTS} in one second after ${outageMs} ms`); // 5 %, and chance
  }
});
