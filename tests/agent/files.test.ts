// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { readIfThere, replaceFile, replaceLink } from "../../src/agent/files.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";

function inFolder(name: string, work: (folder: string) => void): void {
  Deno.test(name, () => {
    const folder = Deno.makeTempDirSync();
    try {
      work(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

inFolder("a file is replaced whole, with its mode, and nothing else is left", (folder) => {
  const path = join(folder, "config.json");
  replaceFile(path, "one");
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o644);
  replaceFile(path, "zwei ä", 0o600);
  assertEquals([Deno.readTextFileSync(path), Deno.statSync(path).mode! & 0o777], ["zwei ä", 0o600]);
  assertEquals(names(folder), ["config.json"]);
});

inFolder("a file is new, not written over: who has the old one open keeps it whole", (folder) => {
  const path = join(folder, "config.json");
  replaceFile(path, "the old content");
  using reader = Deno.openSync(path);
  replaceFile(path, "new");
  const buffer = new Uint8Array(100);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, reader.readSync(buffer)!)), "the old content");
});

inFolder("a file that cannot be replaced stays as it was", (folder) => {
  const path = join(folder, "config.json");
  Deno.mkdirSync(path);
  assertThrows(() => replaceFile(path, "text"));
  assertEquals(Deno.statSync(path).isDirectory, true);
  assertThrows(() => replaceFile(join(folder, "no", "folder"), "text"), Deno.errors.NotFound);
});

inFolder("a link is turned in one step, also when an earlier attempt was cut off", (folder) => {
  const link = join(folder, "current");
  replaceLink(link, "1.0.0");
  Deno.symlinkSync("torn", `${link}.tmp`);
  replaceLink(link, "1.1.0");
  assertEquals(Deno.readLinkSync(link), "1.1.0");
  assertEquals(names(folder), ["current"]);
});

inFolder("a file that is missing has no text, one that cannot be read is an error", (folder) => {
  assertEquals(readIfThere(join(folder, "none")), undefined);
  assertThrows(() => readIfThere(folder));
});

Deno.test("a full disk: the old content stays, and no half of the new", { ignore: !mayMount() }, () => {
  using disk = new SmallDisk(65_536);
  const path = join(disk.path, "config.json");
  replaceFile(path, "old");
  assertThrows(() => replaceFile(path, "new".repeat(100_000)), Error, "No space left");
  assertEquals(Deno.readTextFileSync(path), "old");
  assertEquals(names(disk.path), ["config.json"]);
});
