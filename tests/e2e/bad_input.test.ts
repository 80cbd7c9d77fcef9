// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { exists, pathsOf } from "../../src/agent/paths.ts";
import { version } from "../../src/shared/version.ts";
import { valuesOf } from "../support/messages.ts";
import { runIvy, TestNode } from "../support/node.ts";
import { isCompiled, misbehavingIvy, type Program, shippedIvy } from "../support/program.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";

const FAST = { random_walk: { seconds_between_datapoints: 0.05 } };

const GENERAL =
  `"general": {"config_revision": 1, "software_version": "${version}", "system_identifier": "x"}`;
const LEVELS = `"logging_verbosity": {"file_archive": null, "console_prints": null, "message_sending": null}`;

/** What may stand in a file that should be a configuration, and the one thing that is said of it. */
const CONFIGS: { name: string; text: string; fault: string }[] = [
  { name: "empty", text: "", fault: "it is empty" },
  { name: "only blanks", text: " \n\t\n", fault: "it is empty" },
  {
    name: "no JSON",
    text: '{\n  "general": {},\n  hello\n}\n',
    fault: 'it is not JSON: "h" is not expected at line 3, column 3',
  },
  { name: "a text", text: "general = 1", fault: 'it is not JSON: "g" is not expected at line 1, column 1' },
  {
    name: "cut off",
    text: '{\n  "general": {\n',
    fault: "it is not JSON: it ends too early, at line 3, column 1",
  },
  { name: "zeros, as some file systems leave", text: "\0".repeat(500), fault: "it is not JSON" },
  { name: "null", text: "null", fault: "(the whole): expected an object, got null" },
  { name: "a list", text: "[]", fault: "(the whole): expected an object, got []" },
  {
    name: "the wrong types",
    text: `{${GENERAL}, ${LEVELS}, "procedures": []}`,
    fault: "procedures: expected an object, got []",
  },
  {
    name: "an unknown key",
    text: `{${GENERAL}, ${LEVELS}, "procedures": {}, "update": null}`,
    fault: '(the whole): unknown key "update" (did you mean "updater"?)',
  },
  {
    name: "a procedure twice",
    text:
      `{${GENERAL}, ${LEVELS},\n"procedures": {"random_walk": {"enabled": true},\n  "random_walk": {"enabled": false}}}`,
    fault: 'the key "random_walk" stands twice in one object, again at line 3, column 3',
  },
  {
    name: "a procedure that is not there",
    text: `{${GENERAL}, ${LEVELS}, "procedures": {"random_wakl": {"enabled": true}}}`,
    fault: 'procedures.random_wakl: there is no such procedure (did you mean "random_walk"?); there are',
  },
  {
    name: "a procedure with the name of an object's own property",
    text:
      `{${GENERAL}, ${LEVELS}, "procedures": {"constructor": {"enabled": true}, "__proto__": {"enabled": true}}}`,
    fault: "procedures.constructor: there is no such procedure",
  },
  {
    name: "10 MB big",
    text: `{${" ".repeat(10_000_000)}}`,
    fault: "it is 9.5 MiB big; at most 1 MiB is read",
  },
];

Deno.test("a configuration that is none: one clear text with 78, and the file is left alone", async (t) => {
  await using node = new TestNode();
  for (const { name, text, fault } of CONFIGS) {
    await t.step(name, async () => {
      node.writeConfig(text);
      const { code, stderr } = await node.ivy("run");
      assertStringIncludes(stderr, fault);
      assertEquals(code, 78);
      assertMatch(stderr, /ivy: \/.*config\.json is not a valid configuration:\n {2}/);
      assert(!/^ +at /m.test(stderr), `a stack trace: ${stderr}`);
      assertEquals(Deno.readTextFileSync(node.paths.configFile), text);
      const validate = await node.ivy("config", "validate", "--json");
      assertEquals([validate.code, JSON.parse(validate.stdout).valid], [78, false]);
    });
  }
});

Deno.test("a damaged configuration: the last one that ran is used, loudly, and the file is left alone", async (t) => {
  await using node = new TestNode({ procedures: FAST });
  {
    await using agent = await node.run().ready();
    assertEquals((await agent.stop()).code, 0);
  }
  const good = Deno.readTextFileSync(node.paths.configFile);
  const damages = {
    "missing": undefined,
    "empty": "",
    "truncated": good.slice(0, good.length / 2),
    "zeros": "\0".repeat(good.length),
  };
  for (const [name, text] of Object.entries(damages)) {
    await t.step(name, async () => {
      if (text === undefined) Deno.removeSync(node.paths.configFile);
      else node.writeConfig(text);
      await using agent = await node.run().ready();
      assertMatch(
        agent.log.text,
        /ERROR +agent {2}the configuration is damaged; the last one that ran is used instead: \/.*config\.json: it is /,
      );
      const status = await node.status();
      assertEquals(Object.keys(status.procedures), ["random_walk"]);
      assertMatch(status.config_damage!, /config\.json: it is /);
      assertMatch((await node.ivy("status")).stdout, /^not well [^]*configuration damaged: /);
      assertEquals((await agent.stop()).code, 0);
      assertEquals(
        exists(node.paths.configFile) ? Deno.readTextFileSync(node.paths.configFile) : undefined,
        text,
      );
    });
  }
});

Deno.test("a root that is no folder is refused by every command", async (t) => {
  const file = Deno.makeTempFileSync();
  try {
    for (const command of ["run", "start", "stop", "restart", "status", "info", "init", "logs", "test"]) {
      await t.step(command, async () => {
        for (const root of [file, join(file, "below")]) {
          const { code, stdout, stderr } = await runIvy(shippedIvy(), [command, "--root", root]);
          assertEquals([code, stdout, stderr], [2, "", `ivy: ${file} is no folder: choose another --root\n`]);
        }
      });
    }
    assertEquals(Deno.readTextFileSync(file), "");
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("a root whose path is too long for a socket is refused before anything is created", async () => {
  await using node = new TestNode({ rootName: "x".repeat(100) });
  const { code, stderr } = await node.ivy("run");
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^ivy: the path \/.*ivy\.sock has \d+ bytes, but a socket's may have 108: choose a shorter --root\n$/,
  );
  assertEquals(exists(node.root), false);
});

Deno.test("a root that may not be written to is refused with advice, and nothing is left behind", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(folder, 0o555);
    for (const command of ["run", "start", "init"]) {
      const { code, stderr } = await runIvy(asOrdinaryUser(shippedIvy()), [
        command,
        "--root",
        join(folder, "root"),
      ]);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        command === "start"
          ? /^ivy: there is no node at \/.*root; create one with: ivy init --root \/.*\n$/
          : /^ivy: cannot set up \/.*root: Permission denied .*\. Choose a --root that you may write to\n$/,
      );
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a root with spaces, quotes and foreign letters works like any other", async () => {
  await using node = new TestNode({ rootName: `Messung "ä" $HOME 'ß' 温度 🌱`, procedures: FAST });
  assertEquals((await node.ivy("init")).code, 0);
  const start = await node.ivy("start");
  assertEquals(start.code, 0, start.stderr);
  await node.untilMessages("measurements", (messages) => valuesOf(messages, "random_value")[1]);
  assertEquals((await node.status()).root, node.root);
  assertMatch((await node.ivy("logs")).stdout, /ready: 1 procedures/);
  assertMatch((await node.ivy("test")).stdout, /, 0 failed\n$/);
  assertEquals((await node.ivy("stop")).code, 0);
});

const mounts = mayMount();

Deno.test({
  name: "a read-only file system: refused with advice, and what is there can still be looked at",
  ignore: !mounts,
  async fn() {
    using disk = new SmallDisk(200_000_000);
    const root = join(disk.path, "root");
    assertEquals((await runIvy(shippedIvy(), ["init", "--root", root])).code, 0);
    disk.makeReadOnly();
    for (const where of [root, join(disk.path, "other")]) {
      for (const command of ["run", "start", "init"]) {
        const { code, stderr } = await runIvy(shippedIvy(), [command, "--root", where]);
        assertEquals(code, 1, stderr);
        if (command === "start" && where !== root) {
          assertMatch(stderr, /^ivy: there is no node at /); // it creates none, wherever
          continue;
        }
        assertMatch(
          stderr,
          new RegExp(
            `^ivy: [^\\n]*cannot set up /.*: Read-only file system .*\\. Mount that file system read-write, or choose another --root\\n$`,
            "s",
          ),
        );
      }
    }
    assertEquals((await runIvy(shippedIvy(), ["status", "--root", root])).code, 3);
    assertEquals((await runIvy(shippedIvy(), ["config", "validate", "--root", root])).code, 0);
    assertEquals((await runIvy(shippedIvy(), ["info", "--root", root])).code, 0);
  },
});

Deno.test({
  name: "a full disk: a new node is refused with advice and leaves no half of a file",
  ignore: !mounts,
  async fn() {
    using disk = new SmallDisk(1_000_000);
    disk.fill();
    const root = join(disk.path, "root");
    const { code, stderr } = await runIvy(shippedIvy(), ["run", "--root", root]);
    assertEquals(code, 1);
    assertMatch(stderr, /ivy: cannot .*: No space left on device .*\. Free some space on that disk\n$/);
    const { configFile } = pathsOf(root);
    assertEquals([configFile, `${configFile}.tmp`].filter(exists), []);
  },
});

Deno.test({
  name: "a disk that fills up: the procedures run on, what cannot be kept is counted, the rest is safe",
  ignore: !mounts,
  async fn() {
    using disk = new SmallDisk(isCompiled ? 200_000_000 : 2_000_000);
    await using node = new TestNode({
      program: await misbehavingIvy(),
      folder: disk.path,
      procedures: { counts: {} },
    });
    node.configure((config) => {
      config.procedures = { counts: { enabled: true } };
      Object.assign(config.storage, { min_free_mb: 0 });
    });
    {
      await using agent = await node.run().ready();
      await agent.log.until(/counts {2}acknowledged/);
      disk.fill();
      await agent.log.until(/counts {2}a message was not stored: the store refused a message: .*full/);
      const { store, procedures } = await node.status();
      assert(store.messages!.refused > 0);
      assertEquals([procedures["counts"]!.state, procedures["counts"]!.restarts], ["running", 0]);
      disk.empty();
      await agent.log.until(/counts {2}acknowledged/, { after: agent.log.text.length });
      assertEquals((await agent.stop()).code, 0);
      const numbers = valuesOf(node.messages(), "number") as number[];
      assertEquals(numbers, numbers.toSorted((a, b) => a - b));
      assertEquals(new Set(numbers).size, numbers.length);
      const acknowledged = [...agent.log.text.matchAll(/counts {2}acknowledged (\d+)/g)].map(([, count]) =>
        Number(count)
      );
      assertEquals(acknowledged.filter((number) => !numbers.includes(number)), []);
      const ids = node.messages().map(({ id }) => id); // with a gap where messages were refused
      assertEquals(ids, [...new Set(ids)].sort((a, b) => a - b));
    }
    disk.fill();
    await using again = await node.run().ready();
    assertEquals((await again.stop()).code, 0);
  },
});

/** Root may write everywhere, unless the right to do so is dropped. */
function asOrdinaryUser(program: Program): Program {
  if (Deno.uid() !== 0) return program;
  return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", ...program];
}
