// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { followedLines } from "../../src/cli/text_lines.ts";
import { withLimit } from "../../src/shared/time.ts";

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

const REPLACEMENTS: [name: string, replace: (file: string, folder: string) => void][] = [
  ["a file that was removed", (file) => Deno.removeSync(file)],
  ["a file that was rotated away", (file) => Deno.renameSync(file, `${file}.1`)],
  ["a folder that was removed", (_file, folder) => Deno.removeSync(folder, { recursive: true })],
  ["a folder that was renamed", (_file, folder) => Deno.renameSync(folder, `${folder}.old`)],
];

for (const [name, replace] of REPLACEMENTS) {
  Deno.test(`${name} and made again is followed from there on`, async () => {
    const root = Deno.makeTempDirSync();
    const directory = join(root, "logs");
    const file = join(directory, "a.log");
    const write = (text: string) => {
      Deno.mkdirSync(directory, { recursive: true });
      Deno.writeTextFileSync(file, text, { append: true });
    };
    write("old\n");
    const lines = followedLines({ directory, currentFile: () => file, from: "end" });
    let next = lines.next();
    write("before\n");
    assertEquals((await next).value, "before");
    for (const round of ["first", "second"]) {
      next = lines.next();
      replace(file, directory);
      write(`${round}\n`);
      const found = await withLimit(next, 30_000, undefined);
      assertEquals(found?.value, round);
      for (const { name } of [...Deno.readDirSync(root)].filter(({ name }) => name !== "logs")) {
        Deno.removeSync(join(root, name), { recursive: true });
      }
    }
    await lines.return();
    Deno.removeSync(root, { recursive: true });
  });
}
