// Runs in: tests.
import { assertEquals } from "@std/assert";
import { matches, mergeLines, queryOf } from "../../src/web/log_lines.js";
import type { LogLine } from "../support/page_answers.ts";

const entry = (change: Partial<LogLine> = {}): LogLine => ({
  time_ms: 1000,
  level: "WARNING",
  origin: "thermometer",
  subject: "Used memory is 93 %",
  details: "",
  ...change,
});
const all = { level: "DEBUG", origin: "", text: "" };

Deno.test("a filter of the log compares level, origin, and text anywhere in the line", () => {
  const filters: [Partial<typeof all>, boolean][] = [
    [{}, true],
    [{ level: "WARNING" }, true],
    [{ level: "ERROR" }, false],
    [{ origin: "thermometer" }, true],
    [{ origin: "thermo" }, false],
    [{ text: " MEMORY " }, true],
    [{ text: "disk" }, false],
    [{ text: "ttyusb" }, true],
  ];
  for (const [filter, expected] of filters) {
    assertEquals(
      matches(entry({ details: "no answer on /dev/ttyUSB0" }), { ...all, ...filter }),
      expected,
      JSON.stringify(filter),
    );
  }
});

Deno.test("log lines are kept once, the newest first, and not for ever", () => {
  const first = entry();
  const second = entry({ time_ms: 2000 });
  assertEquals(mergeLines([first], [second, entry()]), [second, first]);
  const many = Array.from({ length: 500 }, (_, index) => entry({ time_ms: index }));
  const kept = mergeLines(many.slice(0, 250), many.slice(250));
  assertEquals([kept.length, kept[0]!.time_ms, kept.at(-1)!.time_ms], [300, 499, 200]);
});

Deno.test("the node is asked only for what the filter names", () => {
  assertEquals(String(queryOf(all)), "limit=300&level=DEBUG");
  const query = queryOf({ level: "ERROR", origin: "main", text: " a&b " });
  assertEquals(String(query), "limit=300&level=ERROR&origin=main&text=a%26b");
});
