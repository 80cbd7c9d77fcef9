// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { checkIsFolder, exists, findRoot, pathsOf } from "../../src/agent/paths.ts";
import { version } from "../../src/shared/version.ts";

const environment = (variables: Record<string, string>) => (name: string) => variables[name];

Deno.test("the root is what was asked for, else $IVY_ROOT, else ~/Documents/ivy", () => {
  const env = environment({ IVY_ROOT: "/data/ivy", HOME: "/home/ada" });
  assertEquals(findRoot("/mnt/node", env), "/mnt/node");
  assertEquals(findRoot("node", env), join(Deno.cwd(), "node"));
  assertEquals(findRoot(undefined, env), "/data/ivy");
  assertEquals(
    findRoot(undefined, environment({ IVY_ROOT: "", HOME: "/home/ada" })),
    "/home/ada/Documents/ivy",
  );
  assertEquals(findRoot(undefined, environment({})), "/Documents/ivy");
});

Deno.test("everything has its place below the root", () => {
  const { configFile, socket, lockFile, messages, logs } = pathsOf("/r");
  assertEquals(configFile, `/r/${version}/config/config.json`);
  assertEquals([socket, lockFile, messages, logs].map((path) => path.replace("/r/data/", "")), [
    "ivy.sock",
    "run.lock",
    "messages",
    "logs",
  ]);
});

Deno.test("a root may be missing, but no file may be in its place, nor a link that leads nowhere", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const [file, link] = [join(folder, "file"), join(folder, "link")];
    Deno.writeTextFileSync(file, "");
    Deno.symlinkSync("nowhere", link);
    for (const good of [folder, join(folder, "new"), join(folder, "new", "er")]) {
      assertEquals(checkIsFolder(good), good);
    }
    for (const bad of [file, link]) {
      assertThrows(() => checkIsFolder(bad), CommandError, `${bad} is no folder`);
      assertThrows(() => checkIsFolder(join(bad, "below")), CommandError, `${bad} is no folder`);
    }
    assertEquals([exists(file), exists(link), exists(join(file, "below"))], [true, true, false]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
