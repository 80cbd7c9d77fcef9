// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { formatEntry } from "../../src/agent/log_format.ts";
import { blocksOf } from "../../src/cli/log_blocks.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 22);

async function textOf(path: string, options: Parameters<typeof blocksOf>[1] = {}): Promise<string> {
  const blocks = await Array.fromAsync(blocksOf({ path, isCompressed: path.endsWith(".gz") }, options));
  return blocks.map(({ text }) => text).join("");
}

function gzip(path: string): void {
  new Deno.Command("gzip", { args: ["-k", path] }).outputSync();
}

Deno.test("any file comes whole, in blocks of whole lines; a last line without its end comes last", async () => {
  const path = Deno.makeTempFileSync();
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", maxLength: 50 }),
      fc.integer({ min: 0, max: 9000 }),
      async (text, count) => {
        const whole = `${text}\n`.repeat(count);
        Deno.writeTextFileSync(path, `${whole}rest`);
        assertEquals(await textOf(path), `${whole}rest\n`);
        const blocks = await Array.fromAsync(blocksOf({ path, isCompressed: false }, { isLast: false }));
        assertEquals(blocks.map((block) => block.text).join(""), whole);
        for (const block of blocks) assertMatch(block.text, /\n$/);
        assertEquals(blocks.at(-1)?.endOffset ?? 0, new TextEncoder().encode(whole).length);
      },
    ),
    { numRuns: 30 },
  );
  Deno.removeSync(path);
});

Deno.test("a line that is larger than every block, with characters across their borders, is one line", async () => {
  const path = Deno.makeTempFileSync();
  const text = `a\n${"ä🌱".repeat(500_000)}\nb\n`;
  Deno.writeTextFileSync(path, text);
  assertEquals(await textOf(path) === text, true);
  Deno.removeSync(path);
});

Deno.test("compressed files come whole, also such of several members; of damaged ones what can be read", async () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "a.log");
  const lines = Array.from({ length: 20_000 }, (_, i) => `ä ${i} ${crypto.randomUUID()}\n`).join("");
  Deno.writeTextFileSync(path, lines);
  gzip(path);
  assertEquals(await textOf(`${path}.gz`) === lines, true);
  const bytes = Deno.readFileSync(`${path}.gz`);
  Deno.writeFileSync(`${path}.gz`, bytes, { append: true });
  assertEquals(await textOf(`${path}.gz`) === lines + lines, true);
  Deno.writeFileSync(`${path}.gz`, bytes.subarray(0, bytes.length / 2));
  const found = await textOf(`${path}.gz`);
  assertMatch(found, /\ndamaged: .*a\.log\.gz: .*\n$/);
  const readable = found.slice(0, found.indexOf("damaged: ")).split("\n").slice(0, -1).join("\n");
  assertEquals(lines.startsWith(readable) && readable.length > 10_000, true);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("of a large day only what may be young enough is read, and nothing of it is missed", async () => {
  const path = Deno.makeTempFileSync();
  const details = "a\n".repeat(60_000); // a block of details that is larger than what one look sees
  const entries = Array.from({ length: 24 * 60 }, (_, minute) =>
    formatEntry({
      timeMs: START + minute * 60_000,
      level: "INFO",
      origin: "pump",
      subject: "x".repeat(1000),
      details: minute === 700 ? details : "",
    }));
  const whole = entries.join("");
  Deno.writeTextFileSync(path, whole);
  for (const hours of [0, 3, 11.65, 12, 23.9, 25]) {
    const found = await textOf(path, { sinceMs: START + hours * HOUR });
    const needed = entries.slice(Math.ceil(hours * 60)).join("");
    assertEquals(found.endsWith(needed), true, `entries after ${hours} h are missing`);
    const start = whole.length - found.length;
    assertEquals([whole.slice(start) === found, whole[start - 1] ?? "\n"], [true, "\n"], "not whole lines");
    const spare = found.length - needed.length;
    assertEquals(
      spare < 70_000 + 61 * 1100 + (hours > 11 && hours < 13 ? 5 * details.length : 0),
      true,
      `${spare} bytes too many`,
    );
  }
  Deno.removeSync(path);
});
