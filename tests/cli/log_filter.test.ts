// Runs in: tests.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatEntry, parseEntry } from "../../src/agent/log_format.ts";
import { createLogFilter, type LogWish } from "../../src/cli/log_filter.ts";
import { levelRank, LEVELS } from "../../src/shared/message.ts";

/** Line by line, as one would describe it. */
function pickPlainly(text: string, { level, sinceMs, origin }: LogWish): string {
  let isWanted = false;
  return text.split(/(?<=\n)/).filter((line) => {
    const entry = parseEntry(line.replace(/\n$/, ""));
    if (entry === undefined) return isWanted;
    return isWanted = levelRank(entry.level) >= levelRank(level) && entry.timeMs >= sinceMs &&
      (origin === undefined || origin === entry.origin);
  }).join("");
}

const word = fc.constantFrom(
  "pump",
  "p.mp",
  "oven",
  "Z ERROR     pump  ",
  "2026-11-22T00:00:00.001Z ERROR     oven  x",
  "ä",
  "",
);
const entry = fc.record({
  timeMs: fc.integer({ min: Date.UTC(2026, 10, 22), max: Date.UTC(2026, 10, 22) + 5 }),
  level: fc.constantFrom(...LEVELS),
  origin: fc.constantFrom("pump", "p.mp", "pumpe", "oven"),
  subject: word,
  details: fc.array(word, { maxLength: 3 }).map((lines) => lines.join("\n")),
});
const wish = fc.record({
  level: fc.constantFrom(...LEVELS),
  sinceMs: fc.constantFrom(0, Date.UTC(2026, 10, 22) + 2),
  origin: fc.constantFrom(undefined, "pump", "p.mp", "oven", "nobody"),
});

Deno.test("what is picked from blocks is what would be picked line by line, wherever blocks are cut", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), wish, fc.array(fc.nat(30)), (entries, wish, cuts) => {
      const text = entries.map((one) => formatEntry(one)).join("");
      const lines = text.split(/(?<=\n)/);
      const pick = createLogFilter(wish);
      let shown = "";
      for (const count of [...cuts, lines.length]) shown += pick(lines.splice(0, count).join(""));
      assertEquals(shown, pickPlainly(text, wish));
    }),
    { numRuns: 1000 },
  );
});
