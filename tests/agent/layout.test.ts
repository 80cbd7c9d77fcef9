// Runs in: tests.
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { CommandError } from "../../src/agent/errors.ts";
import { createDataFolder, createLayout } from "../../src/agent/layout.ts";
import { LAUNCHER } from "../../src/agent/launcher.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { version } from "../../src/shared/version.ts";
import { TestNode } from "../support/node.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";

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

Deno.test("control/ is main's alone, whatever mode it had", async () => {
  await using node = new TestNode();
  createDataFolder(node.paths);
  assertEquals(Deno.statSync(node.paths.control).mode! & 0o777, 0o700);
  Deno.chmodSync(node.paths.control, 0o755);
  createDataFolder(node.paths);
  assertEquals(Deno.statSync(node.paths.control).mode! & 0o777, 0o700);
});

Deno.test("a folder that holds something else is refused and left alone; an empty one becomes a node", async () => {
  await using node = new TestNode();
  const { root, paths } = node;
  Deno.mkdirSync(root);
  Deno.writeTextFileSync(join(root, "passwd"), "");
  const error = assertThrows(() => createDataFolder(paths), CommandError, `${root} holds something else`);
  assertEquals(error.exitStatus, 2);
  assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["passwd"]);
  Deno.renameSync(join(root, "passwd"), join(root, "ivy")); // the program itself may lie there
  Deno.mkdirSync(join(root, "lost+found"));
  assertEquals(createDataFolder(paths), [`created ${paths.data}`]);
  Deno.writeTextFileSync(join(root, "notes.txt"), "");
  assertEquals(createDataFolder(paths), [], "a node may hold whatever it likes");
});

Deno.test("a launcher that is a link is replaced itself, and not the binary that it leads to", async () => {
  await using node = new TestNode();
  const { paths } = node;
  createDataFolder(paths);
  const binary = join(dirname(node.root), "binary");
  Deno.writeTextFileSync(binary, "#!/bin/sh\n", { mode: 0o755 });
  Deno.symlinkSync(binary, paths.launcher);
  createLayout(paths, binary);
  assertEquals([Deno.readTextFileSync(binary), Deno.readTextFileSync(paths.launcher)], [
    "#!/bin/sh\n",
    LAUNCHER,
  ]);
  assertEquals(Deno.lstatSync(paths.launcher).isFile, true);
});

Deno.test("a binary that was copied to where the launcher belongs moves into its version's folder", async () => {
  await using node = new TestNode();
  const { paths } = node;
  createDataFolder(paths);
  const binary = `#!/bin/sh\necho "$IVY_ROOT" "$@"\n${"#".repeat(100_000)}`; // as a binary, larger than a launcher
  Deno.writeTextFileSync(paths.launcher, binary, { mode: 0o755 });
  const placed = join(paths.versionFolder, "ivy");
  assertEquals(createLayout(paths, paths.launcher).slice(1), [
    `put this binary at ${placed}`,
    `${paths.current} now points to ${version}`,
    `created the launcher ${paths.launcher}`,
  ]);
  assertEquals(Deno.readTextFileSync(placed), binary);
  const { stdout } = new Deno.Command(paths.launcher, { args: ["status", "a b"], clearEnv: true })
    .outputSync();
  assertEquals(new TextDecoder().decode(stdout), `${node.root} status a b\n`);
  assertEquals(createLayout(paths, placed), [], "what is in its place is left alone");
});

Deno.test("a binary on another file system is copied, and can be run", { ignore: !mayMount() }, async () => {
  using disk = new SmallDisk(1_000_000);
  await using node = new TestNode();
  const binary = join(disk.path, "ivy");
  Deno.writeTextFileSync(binary, "#!/bin/sh\necho here\n", { mode: 0o700 });
  createDataFolder(node.paths);
  createLayout(node.paths, binary);
  const placed = join(node.paths.versionFolder, "ivy");
  assertEquals(Deno.statSync(placed).mode! & 0o777, 0o755);
  assertEquals(new TextDecoder().decode(new Deno.Command(placed).outputSync().stdout), "here\n");
});

const DAMAGED: [name: string, spoil: (placed: string) => void][] = [
  ["empty", (placed) => Deno.writeTextFileSync(placed, "")],
  ["cut off", (placed) => Deno.truncateSync(placed, 5000)],
  ["of the same size with other bytes", (placed) => {
    using file = Deno.openSync(placed, { write: true });
    file.seekSync(5000, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(512));
  }],
  ["not executable", (placed) => Deno.chmodSync(placed, 0o644)],
  ["another build of this version", (placed) => Deno.writeTextFileSync(placed, "#!/bin/sh\nexit 1\n")],
];

for (const [name, spoil] of DAMAGED) {
  Deno.test(`a binary in its place that is ${name} is replaced, and then it is right`, async () => {
    await using node = new TestNode();
    const binary = join(dirname(node.root), "binary");
    Deno.writeTextFileSync(binary, `#!/bin/sh\necho here\n${"#".repeat(10_000)}`, { mode: 0o755 });
    createDataFolder(node.paths);
    createLayout(node.paths, binary);
    const placed = join(node.paths.versionFolder, "ivy");
    Deno.removeSync(placed); // it is the copied one by a second name
    Deno.copyFileSync(binary, placed);
    spoil(placed);
    assertEquals(createLayout(node.paths, binary), [
      `put this binary at ${placed}, in the place of one that was damaged or another`,
    ]);
    assertEquals(Deno.readTextFileSync(placed), Deno.readTextFileSync(binary));
    assertEquals(new TextDecoder().decode(new Deno.Command(placed).outputSync().stdout), "here\n");
    assertEquals(createLayout(node.paths, binary), []);
    const names = [...Deno.readDirSync(node.paths.versionFolder)].map(({ name }) => name).sort();
    assertEquals(names, ["config", "ivy"], "nothing else is left");
  });
}

Deno.test("a binary of another version is left alone, whatever it holds", async () => {
  await using node = new TestNode();
  const binary = join(dirname(node.root), "binary");
  Deno.writeTextFileSync(binary, "#!/bin/sh\n", { mode: 0o755 });
  const other = join(node.root, "0.0.1", "ivy");
  Deno.mkdirSync(dirname(other), { recursive: true });
  Deno.writeTextFileSync(other, "");
  createDataFolder(node.paths);
  createLayout(node.paths, binary);
  assertEquals(Deno.statSync(other).size, 0);
});

Deno.test("while a version is on probation, the launcher that can go back stays; then it is replaced", async () => {
  await using node = new TestNode();
  const { paths } = node;
  const binary = join(dirname(node.root), "binary");
  Deno.writeTextFileSync(binary, "#!/bin/sh\n", { mode: 0o755 });
  createDataFolder(paths);
  createLayout(paths, binary);
  Deno.writeTextFileSync(paths.launcher, "the launcher of the version before");
  Deno.writeTextFileSync(paths.probation, `${version} 0.0.1 1 60 -\n`);
  assertEquals(createLayout(paths, binary), []);
  assertEquals(Deno.readTextFileSync(paths.launcher), "the launcher of the version before");
  Deno.removeSync(paths.probation);
  assertEquals(createLayout(paths, binary), [`created the launcher ${paths.launcher}`]);
  assertEquals(Deno.readTextFileSync(paths.launcher), LAUNCHER);
});
