// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { ClockWatch } from "../../src/agent/clock_watch.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;

/** A watch that looks all the time, on clocks that a test sets. */
class Lab implements Disposable {
  doubt: string | undefined;
  nowMs = Date.UTC(2026, 5, 15);
  asked: boolean[] = [];
  changes: boolean[] = [];
  said: string[] = [];
  readonly watch = new ClockWatch({
    doubt: ({ hasJumped }) => {
      this.asked.push(hasJumped!);
      return Promise.resolve(this.doubt);
    },
    logger: createLogger("store", ({ subject }) => this.said.push(subject)),
    onChange: (isTrusted) => this.changes.push(isTrusted),
    now: () => this.nowMs,
    monotonic: () => 0,
    lookMs: 1,
  });

  [Symbol.dispose](): void {
    this.watch.stop();
  }
}

Deno.test("a clock that nobody could speak for is asked about again, until it is known to be right", async () => {
  using lab = new Lab();
  lab.doubt = "timedatectl failed with SIGTERM: ";
  await lab.watch.start();
  assertEquals(lab.watch.isTrusted, false);
  assertMatch(lab.said.join(), /not known to be right \(timedatectl failed with SIGTERM: \)/);
  await until("it is asked again", () => lab.asked.length > 3);
  assertEquals([lab.watch.isTrusted, lab.changes], [false, []]);
  lab.doubt = undefined;
  await until("it is trusted", () => lab.watch.isTrusted);
  assertEquals(lab.changes, [true]);
  assertEquals(lab.said.length, 1, "it is said once");
});

Deno.test("a clock that is right is left alone; one that jumps has to be confirmed", async () => {
  using lab = new Lab();
  await lab.watch.start();
  assertEquals([lab.watch.isTrusted, lab.asked], [true, [false]]);
  lab.nowMs += 60_000; // a small step is a correction
  lab.doubt = "no time server has set it yet";
  lab.nowMs += 20_000 * DAY_MS;
  await until("it is distrusted", () => !lab.watch.isTrusted);
  assertEquals(new Set(lab.asked.slice(1)), new Set([true]), "a mark from before the jump does not count");
  assertMatch(lab.said[0]!, /the clock jumped 20000 d/);
  lab.nowMs -= 20_000 * DAY_MS;
  lab.doubt = undefined;
  await until("it is trusted again", () => lab.watch.isTrusted);
  assertEquals(lab.changes, [false, true]);
});

Deno.test("a jump that is confirmed changes nothing", async () => {
  using lab = new Lab();
  await lab.watch.start();
  lab.nowMs += DAY_MS;
  await until("it is asked", () => lab.asked.length === 2);
  assertEquals([lab.watch.isTrusted, lab.changes], [true, []]);
});

Deno.test("an answer that comes after the end changes nothing", async () => {
  let answer = (_doubt: string | undefined) => {};
  const changes: boolean[] = [];
  let asked = 0;
  const watch = new ClockWatch({
    doubt: () => {
      if (++asked === 1) return Promise.resolve("no time server has set it yet");
      return new Promise((resolve) => answer = resolve);
    },
    logger: createLogger("store", () => {}),
    onChange: (isTrusted) => changes.push(isTrusted),
    lookMs: 1,
  });
  await watch.start();
  await until("it is asked again", () => asked === 2);
  watch.stop();
  answer(undefined);
  await until("the answer is there", () => Promise.resolve(true));
  assertEquals([watch.isTrusted, changes], [false, []]);
});
