// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { tarOf } from "../../../src/agent/doctor/tar.ts";

Deno.test("what we write, the real tar reads: names, contents, modes and times", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-tar-" });
  const files = [
    { name: "ivy/empty", text: "" },
    { name: "ivy/logs/grün.log", text: "ä\n".repeat(1000) },
    { name: "x".repeat(100), text: "y".repeat(512) },
  ];
  const archive = join(folder, "a.tar");
  await Deno.writeFile(archive, ReadableStream.from(tarOf(files, Date.UTC(2026, 10, 22, 12) / 1000)));
  const { success } = await new Deno.Command("tar", { args: ["xf", archive, "-C", folder] }).output();
  assertEquals(success, true);
  for (const { name, text } of files) {
    const { mode, mtime } = Deno.statSync(join(folder, name));
    assertEquals([Deno.readTextFileSync(join(folder, name)), mode! & 0o777], [text, 0o600]);
    assertEquals(mtime?.toISOString(), "2026-11-22T12:00:00.000Z");
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a name that does not fit is refused", () => {
  assertThrows(() => tarOf([{ name: "x".repeat(101), text: "" }], 0), RangeError, "too long for an archive");
});
