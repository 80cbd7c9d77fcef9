// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { assertNoIdMissing } from "../support/steady.ts";

const FAST = { random_walk: { seconds_between_datapoints: 0.05 } };

/** Moves a folder to another place, as to a disk of its own, and leaves a link. */
function moveAway(path: string): void {
  const disk = join(dirname(path), `disk of ${basename(path)}`);
  Deno.renameSync(path, disk);
  Deno.symlinkSync(disk, path);
}

const PLACES: [name: string, link: (node: TestNode) => void][] = [
  ["the root", ({ root }) => moveAway(root)],
  ["what the root lies in", ({ root }) => moveAway(dirname(root))],
  ["data", ({ root }) => moveAway(join(root, "data"))],
  ["messages", ({ root }) => moveAway(join(root, "data", "messages"))],
  ["logs", ({ root }) => moveAway(join(root, "data", "logs"))],
  ["the database", ({ root }) => moveAway(join(root, "data", "outbox.sqlite3"))],
  ["today's messages", ({ root }) => {
    const messages = join(root, "data", "messages");
    const today = [...Deno.readDirSync(messages)].find(({ name }) => name.endsWith(".jsonl"))!.name;
    Deno.mkdirSync(join(root, "disk"));
    Deno.renameSync(join(messages, today), join(root, "disk", today));
    Deno.symlinkSync(join(root, "disk", today), join(messages, today));
  }],
  ["the configuration", ({ root }) => moveAway(join(root, "current", "config", "config.json"))],
];

for (const [name, link] of PLACES) {
  Deno.test(`where ${name} is a link, the node measures on, at every start`, async () => {
    await using node = new TestNode({ procedures: FAST, rootName: "in/root" });
    const values = () => valuesOf(node.messages(), "random_value").length;
    for (let start = 0; start < 3; start++) {
      const before = start === 0 ? 0 : values();
      await using agent = await node.run().ready();
      await node.untilMessages("measurements", (found) => valuesOf(found, "random_value")[before + 3]);
      const { verdict, root } = await node.status();
      assert(verdict.well, verdict.text);
      assertEquals(root, Deno.realPathSync(node.root));
      assertEquals((await agent.stop()).code, 0);
      assert(!/NotCapable|could not be written|damaged/.test(agent.log.text), agent.log.text);
      if (start === 0) link(node);
    }
    assertNoIdMissing(node.messages());
    const { code, stdout } = await node.ivy("test");
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "the store can write in its sandbox");
  });
}

Deno.test("ivy test and ivy doctor say when the store cannot write, and why", async () => {
  await using node = new TestNode({ procedures: FAST });
  await node.ivy("init");
  Deno.writeTextFileSync(node.paths.messages, "no folder");
  const { code, stdout } = await node.ivy("test");
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "✗ the store can write in its sandbox");
  const doctor = await node.ivy("doctor", "--json");
  const findings: { check: string; verdict: string; found: string }[] = JSON.parse(doctor.stdout).checks;
  const store = findings.find(({ check }) => check === "store");
  assertEquals(store?.verdict, "fault", doctor.stdout);
  assertStringIncludes(store!.found, "nothing can be stored: ");
  assertEquals(
    [...Deno.readDirSync(node.paths.data)].filter(({ name }) => name.startsWith("store-test")),
    [],
  );
});
