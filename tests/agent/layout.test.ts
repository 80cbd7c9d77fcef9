// Runs in: tests.
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { createDataFolder, createLayout } from "../../src/agent/layout.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { version } from "../../src/shared/version.ts";
import { TestNode } from "../support/node.ts";

Deno.test("a new root gets data, a configuration from the template, and the link to its version", async () => {
  await using node = new TestNode();
  const { paths } = node;
  assertEquals(createDataFolder(paths), [`created ${paths.data}`]);
  assertEquals(createLayout(paths), [
    `created ${paths.configFile} from the template`,
    `${paths.current} now points to ${version}`,
  ]);
  assertEquals(Deno.statSync(paths.configFile).mode! & 0o777, 0o600);
  assertEquals(Deno.readLinkSync(paths.current), version);
});

Deno.test("what is there is left alone", async () => {
  await using node = new TestNode();
  createDataFolder(node.paths);
  createLayout(node.paths);
  node.writeConfig("my own");
  assertEquals([...createDataFolder(node.paths), ...createLayout(node.paths)], []);
  assertEquals(Deno.readTextFileSync(node.paths.configFile), "my own");
});

Deno.test("a missing configuration is not made anew where one has run: the copy is used instead", async () => {
  await using node = new TestNode();
  createDataFolder(node.paths);
  createLayout(node.paths);
  Deno.renameSync(node.paths.configFile, node.paths.lastGoodConfigFile);
  assertEquals(createLayout(node.paths), []);
});

Deno.test("a new version takes the configuration of the one before, with its own number", async () => {
  await using node = new TestNode();
  const old = pathsOf(node.root, "0.0.1");
  Deno.mkdirSync(dirname(old.configFile), { recursive: true });
  Deno.writeTextFileSync(old.configFile, '{"general": {"software_version": "0.0.1"}, "mine": true}');
  Deno.symlinkSync("0.0.1", node.paths.current);
  createDataFolder(node.paths);
  assertEquals(createLayout(node.paths), [
    `created ${node.paths.configFile} from the version before`,
    `${node.paths.current} now points to ${version}`,
  ]);
  assertEquals(
    Deno.readTextFileSync(node.paths.configFile),
    `{"general": {"software_version": "${version}"}, "mine": true}`,
  );
  assertMatch(Deno.readTextFileSync(old.configFile), /"0\.0\.1"/);
});

Deno.test("data that is missing beside a node is made, but loudly: a disk may not be mounted", async () => {
  await using node = new TestNode();
  createDataFolder(node.paths);
  createLayout(node.paths);
  Deno.removeSync(node.paths.data, { recursive: true });
  const [warning] = createDataFolder(node.paths);
  assertStringIncludes(warning!, `WARNING: ${node.paths.data} was missing beside an existing node`);
});

Deno.test("a root that cannot be is refused before anything is made", async () => {
  await using node = new TestNode();
  Deno.writeTextFileSync(node.root, "");
  for (const root of [node.root, join(node.root, "below")]) {
    assertThrows(() => createDataFolder(pathsOf(root)), CommandError, `${node.root} is no folder`);
  }
  const long = pathsOf(join(dirname(node.root), "x".repeat(108)));
  assertThrows(() => createDataFolder(long), CommandError, "choose a shorter --root");
});
