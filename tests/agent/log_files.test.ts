// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { logDays, removeOldLogs } from "../../src/agent/log_files.ts";

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
  assertEquals(logDays(folder), ["2026-11-09", "2026-11-22"]);
  Deno.removeSync(folder, { recursive: true });
  assertEquals(logDays(folder), []);
});

Deno.test("logs beyond their retention are removed, and nothing else; null keeps all", () => {
  const folder = folderWith(
    "2026-11-22.log",
    "2026-11-20.log",
    "2026-11-19.log",
    "2025-01-01.log",
    "console.log",
  );
  assertEquals(removeOldLogs(folder, null, NOW), []);
  assertEquals(removeOldLogs(folder, 2, NOW), ["2025-01-01", "2026-11-19"]);
  assertEquals(logDays(folder), ["2026-11-20", "2026-11-22"]);
  assertEquals(Deno.statSync(join(folder, "console.log")).isFile, true);
  Deno.removeSync(folder, { recursive: true });
});
