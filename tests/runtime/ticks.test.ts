// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { every, type Tick, type TickClock } from "../../src/runtime/ticks.ts";

/** A clock that a test moves: waits are over at once, timers are never early, and the wall may jump. */
class FakeClock implements TickClock {
  wallMs: number;
  monotonicMs = 5000;
  /** How late timers are. */
  delaysMs: () => number = () => 0;

  constructor(startMs: number) {
    this.wallMs = startMs;
  }

  now = () => this.wallMs;
  monotonic = () => this.monotonicMs;
  pause = (durationMs: number, signal: AbortSignal) => {
    assert(durationMs > 0, `a wait of ${durationMs} ms`);
    if (signal.aborted) return Promise.resolve(false);
    this.pass(durationMs + this.delaysMs());
    return Promise.resolve(true);
  };

  pass(milliseconds: number): void {
    this.wallMs += milliseconds;
    this.monotonicMs += milliseconds;
  }
}

const START = Date.UTC(2026, 10, 22, 12, 0, 3, 210);

/** Takes ticks; the body may take time or move the clock. */
async function take(
  count: number,
  seconds: number,
  clock: FakeClock,
  body: (tick: Tick, index: number) => void = () => {},
): Promise<Tick[]> {
  const stop = new AbortController();
  const ticks: Tick[] = [];
  for await (const tick of every(seconds, { signal: stop.signal, clock })) {
    ticks.push(tick);
    body(tick, ticks.length - 1);
    if (ticks.length === count) stop.abort();
  }
  return ticks;
}

Deno.test("ticks come at whole multiples of the interval of the wall clock: 10,000 of them, none twice, none lost", async () => {
  const clock = new FakeClock(START);
  const ticks = await take(10_000, 10, clock);
  assertEquals(ticks[0]!.timeMs, Date.UTC(2026, 10, 22, 12, 0, 10));
  ticks.forEach(({ timeMs, missed }, index) => {
    assertEquals([timeMs, missed], [ticks[0]!.timeMs + index * 10_000, 0]);
  });
});

Deno.test("late timers shift nothing: the next tick is where it belongs", async () => {
  const clock = new FakeClock(START);
  let turn = 0;
  clock.delaysMs = () => [0, 0.4, 3, 12, 400][turn++ % 5]!;
  const ticks = await take(1000, 1, clock);
  assertEquals(
    ticks.map(({ timeMs }) => Math.floor(timeMs / 1000)),
    ticks.map((_, index) => Math.floor(ticks[0]!.timeMs / 1000) + index),
  );
  assertEquals(ticks.every(({ missed }) => missed === 0), true);
});

Deno.test("timers that are early by a millisecond do not make a tick fire twice", async () => {
  const clock = new FakeClock(START);
  clock.delaysMs = () => -0.7;
  const ticks = await take(1000, 1, clock);
  const numbers = ticks.map(({ timeMs }) => Math.round(timeMs / 1000));
  assertEquals(numbers, numbers.map((_, index) => numbers[0]! + index));
});

Deno.test("a slow body skips the ticks it slept through, and is told how many", async () => {
  const clock = new FakeClock(START);
  const ticks = await take(5, 1, clock, (_tick, index) => clock.pass([0, 2500, 900, 999, 0][index]!));
  const start = Math.ceil(START / 1000);
  assertEquals(ticks.map(({ timeMs, missed }) => [timeMs / 1000 - start, missed]), [
    [0, 0],
    [1, 0],
    [4, 2],
    [5, 0],
    [6, 0],
  ]);
});

for (const jumpMs of [3_600_000, -3_600_000, 4321, -4321, 400, -400, 86_400_000 * 365, -86_400_000 * 365]) {
  Deno.test(`the wall clock is moved by ${jumpMs} ms: the next tick comes within 0.5 to 1.5 intervals, then all is aligned`, async () => {
    const clock = new FakeClock(START);
    const seen: number[] = [];
    const ticks = await take(20, 1, clock, (_tick, index) => {
      seen.push(clock.monotonicMs);
      if (index === 9) clock.wallMs += jumpMs;
    });
    const gaps = seen.slice(1).map((ms, index) => ms - seen[index]!);
    assert(gaps[9]! >= 500 && gaps[9]! <= 1500, `${gaps[9]} ms`);
    assertEquals(gaps.filter((_, index) => index !== 9).every((gap) => Math.abs(gap - 1000) < 1e-6), true);
    assertEquals(ticks.slice(10).every(({ timeMs, missed }) => timeMs % 1000 === 0 && missed === 0), true);
  });
}

Deno.test("whatever body and clock do, ticks are at least half an interval apart and at most the body and 1.5 intervals", async () => {
  const step = fc.record({
    bodyMs: fc.nat(5000),
    jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -1e7, max: 1e7 })),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 2, maxLength: 50 }),
      fc.integer({ min: 100, max: 60_000 }),
      async (steps, intervalMs) => {
        const clock = new FakeClock(START);
        const seen: number[] = [];
        await take(steps.length, intervalMs / 1000, clock, (_tick, index) => {
          seen.push(clock.monotonicMs);
          clock.pass(steps[index]!.bodyMs);
          clock.wallMs += steps[index]!.jumpMs;
        });
        seen.slice(1).forEach((ms, index) => {
          const gap = ms - seen[index]!;
          assert(gap >= intervalMs / 2 - 1e-6, `${gap} of ${intervalMs} ms`);
          assert(
            gap <= Math.max(steps[index]!.bodyMs, 0) + intervalMs * 1.5 + 1e-6,
            `${gap} of ${intervalMs} ms`,
          );
        });
      },
    ),
  );
});

Deno.test("the loop ends when the signal aborts, also during a wait, and before the first tick", async () => {
  const stop = new AbortController();
  let count = 0;
  const loop = (async () => {
    for await (const _tick of every(3600, { signal: stop.signal })) count++;
  })();
  stop.abort();
  await loop;
  for await (const _tick of every(0.001, { signal: stop.signal })) count++;
  assertEquals(count, 0);
});

for (const seconds of [0, -1, NaN]) {
  Deno.test(`an interval of ${seconds} seconds is refused`, async () => {
    await assertRejects(
      () => every(seconds, { signal: new AbortController().signal }).next(),
      RangeError,
      `every(${seconds}): the interval must be above 0 seconds`,
    );
  });
}
