// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { LAUNCHER } from "../../src/agent/launcher.ts";
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
  const { configFile, socket, lockFile, kept, probation, messages, logs } = pathsOf("/r");
  assertEquals(configFile, `/r/${version}/config/config.json`);
  assertEquals([socket, lockFile, kept, probation, messages, logs].map((path) => path.replace("/r/", "")), [
    "control/ivy.sock",
    "control/run.lock",
    "control/backends",
    "control/probation",
    "data/messages",
    "data/logs",
  ]);
});

Deno.test("links are followed, to the root and below it: what is granted, shown and opened is the real path", () => {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    const disk = join(folder, "disk");
    for (const name of ["", "root", "data", "messages", "logs"]) Deno.mkdirSync(join(disk, name));
    Deno.symlinkSync(disk, join(folder, "linked"));
    Deno.symlinkSync("../data", join(disk, "root", "data"));
    Deno.symlinkSync("../messages", join(disk, "data", "messages"));
    Deno.symlinkSync("../logs", join(disk, "data", "logs"));
    const root = checkIsFolder(findRoot(join(folder, "linked", "root"), environment({})));
    assertEquals(root, join(disk, "root"));
    const { data, messages, logs, stateFile } = pathsOf(root);
    assertEquals([data, messages, logs], ["data", "messages", "logs"].map((name) => join(disk, name)));
    assertEquals(stateFile, join(disk, "data", "state.kv"));
    assertEquals(checkIsFolder(join(folder, "linked", "new")), join(disk, "new"));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("journals are where the launcher that is installed reads them", () => {
  const root = Deno.makeTempDirSync();
  try {
    const paths = pathsOf(root);
    const isIn = () => paths.update.slice(root.length + 1);
    assertEquals(isIn(), "control/update.json");
    Deno.mkdirSync(paths.data);
    Deno.writeTextFileSync(join(paths.data, "run.lock"), "");
    assertEquals(isIn(), "data/update.json", "version 0.1 has run from its sources, or its launcher is gone");
    Deno.mkdirSync(paths.control);
    assertEquals(isIn(), "control/update.json", "once there is a control/, nothing in data/ says where");
    Deno.writeTextFileSync(paths.launcher, "counter=$root/data/probation\n");
    assertEquals(isIn(), "data/update.json");
    Deno.writeTextFileSync(paths.launcher, LAUNCHER);
    Deno.removeSync(paths.control);
    assertEquals(isIn(), "control/update.json");
    Deno.writeTextFileSync(paths.launcher, "a binary".repeat(10_000));
    assertEquals(isIn(), "data/update.json");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
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
