// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  followLinks,
  readIfThere,
  removeTemporaries,
  replaceFile,
  replaceLink,
  replaceName,
  temporaryName,
} from "../../src/agent/files.ts";
import { linkOrCopy } from "../../src/agent/layout.ts";
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
  Deno.symlinkSync("torn", temporaryName(link));
  replaceLink(link, "1.1.0");
  removeTemporaries(folder, join(folder, "none"));
  assertEquals(Deno.readLinkSync(link), "1.1.0");
  assertEquals(names(folder), ["current"]);
});

inFolder("of a linked file the target is replaced, and its folder holds the temporary file", (folder) => {
  const [real, link] = [join(folder, "real"), join(folder, "config.json")];
  Deno.mkdirSync(real);
  Deno.symlinkSync("real/config.json", link);
  for (const text of ["new", "newer"]) replaceFile(link, text, 0o600);
  assertEquals(Deno.readLinkSync(link), "real/config.json");
  assertEquals(Deno.readTextFileSync(join(real, "config.json")), "newer");
  assertEquals([names(folder), names(real)], [["config.json", "real"], ["config.json"]]);
  replaceName(link, "by its name", 0o600);
  assertEquals([Deno.lstatSync(link).isFile, Deno.readTextFileSync(join(real, "config.json"))], [
    true,
    "newer",
  ]);
});

inFolder(
  "what somebody has put where a temporary file might be is neither followed nor written to",
  (folder) => {
    const [path, victim] = [join(folder, "config.json"), join(folder, "victim")];
    Deno.writeTextFileSync(victim, "precious");
    for (const name of [".tmp", ".new"]) Deno.symlinkSync(victim, `${path}${name}`);
    replaceFile(path, "text");
    replaceLink(join(folder, "current"), "1.0.0");
    linkOrCopy(path, join(folder, "copy"));
    assertEquals(Deno.readTextFileSync(victim), "precious");
    assertEquals(
      new Set(Array.from({ length: 100 }, () => temporaryName(path))).size,
      100,
      "nobody can guess it",
    );
  },
);

inFolder("where a path leads: every link is followed, also where its end is missing", (folder) => {
  const real = Deno.realPathSync(folder);
  Deno.mkdirSync(join(folder, "disk"));
  Deno.symlinkSync("disk", join(folder, "a"));
  Deno.symlinkSync(join(folder, "a", "later"), join(folder, "b"));
  Deno.symlinkSync("loop", join(folder, "loop"));
  for (
    const [name, leadsTo] of [["a", "disk"], ["a/x/y", "disk/x/y"], ["b", "disk/later"], [
      "b/x",
      "disk/later/x",
    ], [
      "none/x",
      "none/x",
    ], ["loop", "loop"]]
  ) {
    assertEquals(followLinks(join(folder, name!)), join(real, leadsTo!));
  }
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
