// Runs in: tests.
import { assertEquals } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import fc from "fast-check";
import { formatEntry, parseEntry } from "../../src/agent/log_format.ts";
import { LEVELS } from "../../src/shared/message.ts";

const ENTRY = {
  level: "WARNING",
  origin: "random_walk",
  subject: "the pump stands still",
  details: "",
  timeMs: Date.UTC(2026, 10, 22, 12, 0, 0, 123),
} as const;

Deno.test("fault 14 of Python Ivy: a log line's time is UTC, and says so", () => {
  assertEquals(formatEntry(ENTRY), "2026-11-22T12:00:00.123Z WARNING   random_walk  the pump stands still\n");
});

Deno.test("details stand in an indented block under the line", () => {
  assertEquals(
    formatEntry({ ...ENTRY, level: "EXCEPTION", details: "Error: a\n    at b\n\ncaused by c\n\n" }),
    "2026-11-22T12:00:00.123Z EXCEPTION random_walk  the pump stands still\n" +
      "    Error: a\n        at b\n    \n    caused by c\n",
  );
});

Deno.test("colours change nothing else", () => {
  for (const level of LEVELS) {
    const entry = { ...ENTRY, level, details: "x" };
    assertEquals(stripAnsiCode(formatEntry(entry, true)), formatEntry(entry));
  }
});

Deno.test("any line can be taken apart again", () => {
  const text = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n\u2028\u2029]/g, " "));
  fc.assert(
    fc.property(
      fc.constantFrom(...LEVELS),
      fc.stringMatching(/^[a-z_0-9]{1,30}$/),
      text,
      fc.integer({ min: 0, max: 4e12 }),
      (level, origin, subject, timeMs) => {
        const [line] = formatEntry({ level, origin, subject, details: "x\ny", timeMs }).split("\n");
        assertEquals(parseEntry(line!), { level, origin, subject, timeMs });
      },
    ),
  );
});

Deno.test("a line of a details block is no entry", () => {
  for (
    const line of [
      "    at x",
      "",
      "2026-11-22 12:00 INFO x  y",
      "    2026-11-22T12:00:00.123Z INFO      x  y",
    ]
  ) {
    assertEquals(parseEntry(line), undefined);
  }
});
