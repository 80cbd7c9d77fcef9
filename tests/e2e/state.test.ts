// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { AgentProcess } from "../support/agent_process.ts";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { until } from "../support/until.ts";

/** A node whose load is what the test says. */
class LoadedNode extends TestNode {
  static async create(): Promise<LoadedNode> {
    const file = join(Deno.makeTempDirSync({ prefix: "ivy-load-" }), "load");
    const node = new LoadedNode({
      program: await misbehavingIvy(),
      procedures: { raises_load: { file }, random_walk: { seconds_between_datapoints: 0.05 } },
    });
    node.#file = file;
    node.setLoad(0.1);
    return node;
  }

  #file = "";

  setLoad(load: number): void {
    Deno.writeTextFileSync(`${this.#file}.new`, String(load));
    Deno.renameSync(`${this.#file}.new`, this.#file);
  }

  /** How many messages have the key. */
  count(key: string): number {
    return this.messages().filter(({ message_body: body }) => body.variant === "data" && key in body.data)
      .length;
  }

  async untilMore(key: string, more: number): Promise<void> {
    const wanted = this.count(key) + more;
    await this.untilMessages(`${more} more with ${key}`, () => this.count(key) >= wanted ? true : undefined);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await Deno.remove(dirname(this.#file), { recursive: true });
  }
}

Deno.test("random_walk pauses while the state says that the machine is overloaded, and goes on after that", async () => {
  await using node = await LoadedNode.create();
  await using agent = await node.run().ready();
  await node.untilMore("random_value", 3);

  node.setLoad(9);
  await agent.log.until(/random_walk\s+pausing: the machine is overloaded/);
  await node.untilMore("load", 5); // by now all that was sent before the pause is stored
  const before = node.count("random_value");
  await node.untilMore("load", 10);
  assertEquals(node.count("random_value"), before);

  node.setLoad(0.2);
  await agent.log.until(/random_walk\s+going on/);
  await node.untilMore("random_value", 3);
});

Deno.test("ivy state shows what is shared: live, as it changes, and from the snapshot when the agent has ended", async (t) => {
  await using node = await LoadedNode.create();
  await t.step("before the first start there is nothing", async () => {
    const { code, stderr } = await node.ivy("state");
    assertEquals(code, 3);
    assertMatch(
      stderr,
      /^ivy: Ivy does not run on .* and no state was saved there; start it with: ivy start/,
    );
  });
  await using agent = await node.run().ready();
  await agent.log.until(/ready/);
  await node.untilMore("load", 1);

  await t.step("one value, alone", async () => {
    const { stdout, code } = await node.ivy("state", "system.load_per_core");
    assertEquals([code, stdout], [0, "0.1\n"]);
  });
  await t.step("everything, each value with its path", async () => {
    const { stdout } = await node.ivy("state");
    assertMatch(stdout, /^system\.load_per_core +0\.1$/m);
    assertMatch(stdout, /^overloaded +false$/m);
  });
  await t.step("as JSON", async () => {
    const { stdout } = await node.ivy("state", "overloaded", "--json");
    assertEquals(JSON.parse(stdout), { live: true, age_seconds: null, path: "overloaded", value: false });
  });
  await t.step("a misspelt path: a sentence that helps", async () => {
    const { stderr, code } = await node.ivy("state", "system.load_per_cor");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^ivy: system has no "load_per_cor" \(did you mean "load_per_core"\?\); it has checked_at, load_1m/,
    );
  });
  await t.step("changes, as they come", async () => {
    await using watching = await watch(node, "system.load_per_core");
    await watching.output.until(/^0\.1$/m);
    node.setLoad(9);
    await watching.output.until(/^0\.1\n9\n$/);
    node.setLoad(9.5);
    await watching.output.until(/^0\.1\n9\n9\.5\n$/);
  });
  await t.step("only what changes is printed", async () => {
    await using watching = await watch(node);
    await watching.output.until(/^overloaded +true$/m);
    const after = watching.output.text.length;
    node.setLoad(8.5);
    await watching.output.until(/^system\.load_per_core +8\.5\n$/, { after });
  });
  await t.step("as JSON, a line per change, until the agent ends", async () => {
    await using watching = await watch(node, "overloaded", "--json");
    await watching.output.until(/"value":true\}\n$/);
    await agent.stop();
    assertEquals((await watching.ended()).code, 3);
    assertMatch(watching.log.text, /^ivy: the agent has ended$/m);
  });
  await t.step("afterwards the snapshot, with its age; volatile fields have their defaults", async () => {
    const { stdout, stderr, code } = await node.ivy("state");
    assertEquals(code, 0);
    assertMatch(stdout, /^system\.load_per_core +8\.5$/m);
    assertMatch(stdout, /^overloaded +false$/m);
    assertMatch(stderr, /^ivy: Ivy does not run; this is the state as it was saved \d+(\.\d)? s ago\n$/);
    const { live, age_seconds } = JSON.parse((await node.ivy("state", "--json")).stdout);
    assert(live === false && age_seconds >= 0 && age_seconds < 60);
  });
  await t.step("a snapshot cannot be watched", async () => {
    const { stderr, code } = await node.ivy("state", "watch");
    assertEquals(code, 3);
    assertMatch(stderr, /^ivy: Ivy does not run on .*, and only a running one can be watched\n$/);
  });
});

async function watch(node: LoadedNode, ...words: string[]): Promise<AgentProcess> {
  const args = ["state", "watch", ...words, "--root", node.root];
  return new AgentProcess(await misbehavingIvy(), args, {}, false);
}

Deno.test("an agent that is killed finds its state again, but for what was only true for the moment", async () => {
  await using node = await LoadedNode.create();
  {
    await using agent = await node.run().ready();
    node.setLoad(7);
    await agent.log.until(/pausing/);
    await node.untilMore("load", 45); // two seconds and more
    await agent.kill();
  }
  node.configure(({ procedures }) => {
    delete procedures["raises_load"];
  });
  await using agent = await node.run().ready();
  assertEquals((await node.ivy("state", "system.load_per_core")).stdout, "7\n");
  assertEquals((await node.ivy("state", "overloaded")).stdout, "false\n");
  await node.untilMore("random_value", 1);
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("a damaged state file does not stop the agent: it is kept aside, and the log says so", async () => {
  await using node = await LoadedNode.create();
  Deno.mkdirSync(node.paths.data, { recursive: true });
  Deno.writeTextFileSync(node.paths.stateFile, "no database at all".repeat(1000));
  const asked = await node.ivy("state");
  assertEquals(asked.code, 1);
  assertMatch(
    asked.stderr,
    /^ivy: the saved state, .*state\.kv, cannot be read, because file is not a database\n$/,
  );
  {
    await using agent = await node.run().ready();
    await agent.log.until(/ERROR +state +.*state\.kv is damaged: it was moved to .*state\.kv\.damaged-/);
    await node.untilMore("random_value", 1);
    await until(
      "the load to be shared",
      async () => (await node.ivy("state", "system.load_per_core")).stdout === "0.1\n",
    );
    await agent.stop();
  }
  const names = [...Deno.readDirSync(node.paths.data)].map(({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("state.kv.damaged-")).length, 1);
  assert(names.includes("state.kv"));
  assertMatch((await node.ivy("state", "system.load_per_core")).stdout, /^0\.1\n$/);
});
