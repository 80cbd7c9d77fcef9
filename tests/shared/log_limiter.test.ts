// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FloodGuard } from "../../src/shared/flood_guard.ts";
import { createLogLimiter, linesOf, LOG_LINES } from "../../src/shared/log_limiter.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";

function limiterAt(startMs = 0) {
  const clock = { nowMs: startMs };
  const lines: LogEntry[] = [];
  const limiter = createLogLimiter({ now: () => clock.nowMs, emit: (entry) => lines.push(entry) });
  const log = (subject = "line") =>
    limiter.push({ level: "INFO", origin: "sensor", subject, details: "", timeMs: clock.nowMs });
  const suppressed = () =>
    lines.flatMap(({ subject }) => {
      const [, count] = /^suppressed (\d+) lines/.exec(subject) ?? [];
      return count === undefined ? [] : [Number(count)];
    });
  return { clock, lines, log, tick: limiter.tick, suppressed };
}

Deno.test("10,000 lines in a second: a burst comes through, the rest is counted in one line", () => {
  const { clock, lines, log, tick, suppressed } = limiterAt();
  for (let line = 0; line < 10_000; line++) {
    clock.nowMs = line / 10;
    log(`line ${line}`);
  }
  assertEquals(lines.length, 200);
  assertEquals(suppressed(), []);
  clock.nowMs += 5000;
  tick();
  assertEquals(suppressed(), [10_000 - 200]);
  const last = lines.at(-1)!;
  assertEquals([last.level, last.origin, last.timeMs], ["WARNING", "sensor", clock.nowMs]);
});

Deno.test("after a flood the next line brings the sum with it, and all is as before", () => {
  const { clock, lines, log, suppressed } = limiterAt();
  for (let line = 0; line < 300; line++) log();
  clock.nowMs += 10_000;
  log("quiet again");
  assertEquals(suppressed(), [100]);
  assertEquals(lines.at(-1)!.subject, "quiet again");
});

Deno.test("20 lines a second go on for ever", () => {
  const { clock, lines, log } = limiterAt();
  for (let line = 0; line < 20_000; line++) {
    clock.nowMs += 50;
    log();
  }
  assertEquals(lines.length, 20_000);
});

Deno.test("a clock that is set back neither opens the gate nor shuts it for ever", () => {
  const { clock, lines, log } = limiterAt(1_000_000);
  for (let line = 0; line < 300; line++) log();
  clock.nowMs = 0;
  log();
  assertEquals(lines.length, 200);
  clock.nowMs = 10_000;
  log("again");
  assertEquals(lines.at(-1)!.subject, "again");
});

Deno.test("every line is either shown or counted, whatever the pace", () => {
  fc.assert(fc.property(fc.array(fc.nat(200), { maxLength: 2000 }), (gaps) => {
    const { clock, lines, log, tick, suppressed } = limiterAt();
    for (const gap of gaps) {
      clock.nowMs += gap;
      log();
    }
    clock.nowMs += 60_000;
    tick();
    const counts = suppressed();
    const shown = lines.length - counts.length;
    assertEquals(shown + counts.reduce((sum, count) => sum + count, 0), gaps.length);
    assert(shown <= 200 + gaps.reduce((sum, gap) => sum + gap, 0) / 1000 * 20 + 1);
  }));
});

Deno.test("a long line counts for as many as it has KiB, and what the limiter lets through main bears with", () => {
  const { clock, lines, log } = limiterAt();
  const guard = new FloodGuard(() => clock.nowMs, LOG_LINES);
  for (let line = 0; line < 20_000; line++) {
    log(line % 3 === 0 ? "x".repeat(10 * 1024) : "short");
    clock.nowMs += 10;
    for (const entry of lines.splice(0)) guard.count(linesOf(entry));
  }
  clock.nowMs += 60_000;
  for (let line = 0; line < 100; line++) log("x".repeat(10 * 1024));
  assertEquals(lines.filter(({ subject }) => subject.startsWith("x")).length, 20);
});
