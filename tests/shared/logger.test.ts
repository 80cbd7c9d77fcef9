// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLogger } from "../../src/shared/logger.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";

function collect() {
  const entries: LogEntry[] = [];
  return { entries, logger: createLogger("pump", (entry) => entries.push(entry)) };
}

Deno.test("each level has its method, and every entry its component's name and time", () => {
  const { entries, logger } = collect();
  const before = Date.now();
  logger.debug("a");
  logger.info("b");
  logger.warning("c");
  logger.error("d");
  logger.exception("e", new Error("f"));
  assertEquals(entries.map(({ level, origin, subject }) => [level, origin, subject]), [
    ["DEBUG", "pump", "a"],
    ["INFO", "pump", "b"],
    ["WARNING", "pump", "c"],
    ["ERROR", "pump", "d"],
    ["EXCEPTION", "pump", "e"],
  ]);
  assertEquals(entries.every(({ timeMs }) => timeMs >= before && timeMs <= Date.now()), true);
});

Deno.test("a subject is one line, whatever it holds", () => {
  const { entries, logger } = collect();
  logger.info("one\n  two\r\nthree");
  assertEquals(entries[0]!.subject, "one ⏎ two ⏎ three");
});

Deno.test("half a surrogate pair and NUL, as a noisy line brings them, get into no log", () => {
  const { entries, logger } = collect();
  logger.warning("a\0b\uD83D", "c\0\uDE00");
  assertEquals([entries[0]!.subject, entries[0]!.details], ["a\uFFFDb\uFFFD", "c\uFFFD\uFFFD"]);
});

Deno.test("details are texts, values, or an error with its causes", () => {
  const { entries, logger } = collect();
  logger.info("a", "two\nlines");
  logger.info("b", { deep: [1, { x: true }] });
  logger.exception("c", new Error("outer", { cause: new Error("inner") }));
  logger.exception("d", "thrown text");
  assertEquals(entries[0]!.details, "two\nlines");
  assertEquals(entries[1]!.details, "{ deep: [ 1, { x: true } ] }");
  assertMatch(entries[2]!.details, /^Error: outer\n[^]*\ncaused by Error: inner\n/);
  assertEquals(entries[3]!.details, "thrown text");
});

Deno.test("a subject of a million spaces costs no more than its length", () => {
  const subjects: string[] = [];
  const { info } = createLogger("pump", ({ subject }) => subjects.push(subject));
  const startMs = performance.now();
  info(`a${" ".repeat(1_000_000)}b \r\n\n c`);
  assert(performance.now() - startMs < 1000, `${performance.now() - startMs} ms`);
  info("a \r\n\n b\n");
  assertEquals(subjects[1], "a ⏎ b ⏎ ");
});
