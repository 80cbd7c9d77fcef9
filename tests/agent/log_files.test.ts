// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { logDays, logParts, removeOldLogs } from "../../src/agent/log_files.ts";
import { packOldLogs } from "../../src/agent/pack_logs.ts";

const NOW = Date.UTC(2026, 10, 22, 0, 0, 1);

function folderWith(...names: string[]): string {
  const folder = Deno.makeTempDirSync();
  for (const name of names) Deno.writeTextFileSync(join(folder, name), "");
  return folder;
}

Deno.test("the days of which there is a log, oldest first; other files are none", () => {
  const folder = folderWith(
    "2026-11-22.log",
    "2026-11-09.log",
    "console.log",
    "2026-11-10.log.gz",
    "notes.txt",
  );
  assertEquals(logDays(folder), ["2026-11-09", "2026-11-10", "2026-11-22"]);
  Deno.removeSync(folder, { recursive: true });
  assertEquals(logDays(folder), []);
});

Deno.test("logs beyond their retention are removed, and nothing else; null keeps all", () => {
  const folder = folderWith(
    "2026-11-22.log",
    "2026-11-20.log",
    "2026-11-19.log",
    "2025-01-01.log",
    "2025-01-01.log.2.gz",
    "console.log",
  );
  const remove = (retentionDays: number | null, clockIsTrusted = true) =>
    removeOldLogs(folder, { retentionDays, clockIsTrusted, nowMs: NOW });
  assertEquals(remove(null), []);
  assertEquals(remove(2, false), [], "a clock that is not known to be right removes nothing");
  assertEquals(remove(2), ["2025-01-01", "2026-11-19"]);
  assertEquals(logDays(folder), ["2026-11-20", "2026-11-22"]);
  assertEquals(Deno.statSync(join(folder, "console.log")).isFile, true);
  Deno.removeSync(folder, { recursive: true });
});

/** The names of a day's parts, in their order. */
function partNames(folder: string, day: string): string[] {
  return logParts(folder, day).map(({ path }) => path.slice(folder.length + 1));
}

Deno.test("a day's parts come in the order of their lines: rotated, compressed, plain", () => {
  const folder = folderWith(
    "2026-11-22.log",
    "2026-11-22.log.1",
    "2026-11-22.log.10.gz",
    "2026-11-22.log.2.gz",
    "2026-11-21.log",
  );
  assertEquals(partNames(folder, "2026-11-22"), [
    "2026-11-22.log.10.gz",
    "2026-11-22.log.2.gz",
    "2026-11-22.log.1",
    "2026-11-22.log",
  ]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("days that are long over are compressed; today and yesterday are not", async () => {
  const folder = folderWith("2026-11-22.log", "2026-11-21.log", "2026-11-19.log", "console.log");
  Deno.writeTextFileSync(join(folder, "2026-11-20.log"), "a line\n");
  const packed = await packOldLogs(folder, NOW);
  assertEquals(packed, [join(folder, "2026-11-19.log"), join(folder, "2026-11-20.log")]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "2026-11-19.log.gz",
    "2026-11-20.log.gz",
    "2026-11-21.log",
    "2026-11-22.log",
    "console.log",
  ]);
  const { stdout } = await new Deno.Command("gzip", { args: ["-dc", join(folder, "2026-11-20.log.gz")] })
    .output();
  assertEquals(new TextDecoder().decode(stdout), "a line\n");
  assertEquals(await packOldLogs(folder, NOW), []);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("after a crash between compressing and removing, lines come once, and the rest is removed", async () => {
  const folder = folderWith("2026-11-19.log", "2026-11-19.log.gz");
  const plain = join(folder, "2026-11-19.log");
  Deno.utimeSync(plain, 1000, 1000);
  assertEquals(partNames(folder, "2026-11-19"), ["2026-11-19.log.gz"]);
  Deno.utimeSync(`${plain}.gz`, 500, 500); // written to since
  assertEquals(partNames(folder, "2026-11-19"), ["2026-11-19.log.gz", "2026-11-19.log"]);
  Deno.utimeSync(`${plain}.gz`, 2000, 2000);
  assertEquals(await packOldLogs(folder, NOW), []);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["2026-11-19.log.gz"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a log that cannot be compressed stays as it is", async () => {
  const folder = folderWith("2026-11-19.log");
  Deno.mkdirSync(join(folder, "2026-11-19.log.gz"));
  Deno.utimeSync(join(folder, "2026-11-19.log.gz"), 500, 500); // older than the log
  await assertRejects(() => packOldLogs(folder, NOW), Error, "2026-11-19.log could not be compressed");
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "2026-11-19.log",
    "2026-11-19.log.gz",
  ], "no half of a copy is left");
  Deno.removeSync(folder, { recursive: true });
});
