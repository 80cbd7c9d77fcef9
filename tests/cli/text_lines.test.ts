// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { followedLines } from "../../src/cli/text_lines.ts";

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

Deno.test("followed from an offset, a file shows what comes after it", async () => {
  const directory = Deno.makeTempDirSync();
  const file = join(directory, "a.log");
  Deno.writeTextFileSync(file, "old\nknown\nunfin");
  const lines = followedLines({ directory, currentFile: () => file, from: { path: file, offset: 10 } });
  const next = lines.next();
  Deno.writeTextFileSync(file, "ished\n", { append: true });
  assertEquals((await next).value, "unfinished");
  await lines.return();
  Deno.removeSync(directory, { recursive: true });
});
