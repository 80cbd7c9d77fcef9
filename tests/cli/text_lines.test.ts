// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { followedLines, linesOf } from "../../src/cli/text_lines.ts";

Deno.test("any file is cut into its lines; one without its end is not shown", async () => {
  const path = Deno.makeTempFileSync();
  const line = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(line), line, async (lines, rest) => {
      Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join("") + rest);
      assertEquals(await Array.fromAsync(linesOf(path)), lines);
    }),
    { numRuns: 50 },
  );
  Deno.removeSync(path);
});

Deno.test("a line that is larger than a buffer, with characters across its borders, is one line", async () => {
  const path = Deno.makeTempFileSync();
  const long = "ä🌱".repeat(50_000);
  Deno.writeTextFileSync(path, `a\n${long}\nb\n`);
  assertEquals(await Array.fromAsync(linesOf(path)), ["a", long, "b"]);
  Deno.removeSync(path);
});

Deno.test("followed from its end, a file shows only what comes, also in pieces", async () => {
  const directory = Deno.makeTempDirSync();
  const file = join(directory, "a.log");
  Deno.writeTextFileSync(file, "old\n");
  const lines = followedLines({ directory, currentFile: () => file, from: "end" });
  const next = lines.next();
  const bytes = new TextEncoder().encode("neu ü\nsecond\n");
  for (const byte of bytes) Deno.writeFileSync(file, new Uint8Array([byte]), { append: true });
  assertEquals([(await next).value, (await lines.next()).value], ["neu ü", "second"]);
  await lines.return();
  Deno.removeSync(directory, { recursive: true });
});
