// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { lockIsFree } from "../../src/agent/run_lock.ts";
import { TestNode, type TestNodeOptions } from "../support/node.ts";
import { misbehavingIvy, shippedIvy } from "../support/program.ts";
import { assertQuick } from "../support/quick.ts";
import { assertNoIdMissing } from "../support/steady.ts";

const FAST = { random_walk: { seconds_between_datapoints: 0.05 } };

/** A node whose agent, started in the background, is ended with it. */
class BackgroundNode extends TestNode {
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.ivy("stop");
    await super[Symbol.asyncDispose]();
  }
}

function backgroundNode(options: TestNodeOptions = {}): BackgroundNode {
  return new BackgroundNode(options);
}

Deno.test("ivy start measures in the background until ivy stop", async (t) => {
  await using node = backgroundNode({ procedures: FAST });
  let pid = 0;

  await t.step("it returns when every procedure has been started", async () => {
    const { code, stdout, stderr } = await node.ivy("start");
    assertEquals(code, 0, stderr);
    pid = Number(/^Ivy runs \(PID (\d+)\)/.exec(stdout)?.[1]);
    const status = await node.status();
    assertEquals([status.pid, status.ready, status.procedures["random_walk"]!.state], [pid, true, "running"]);
  });

  await t.step("the agent has a session of its own and no terminal", () => {
    const [, , , session, terminal] = statOf(pid);
    assertEquals(session, String(pid));
    assertEquals(terminal, "0");
    for (const stream of [0, 1]) assertEquals(Deno.readLinkSync(`/proc/${pid}/fd/${stream}`), "/dev/null");
  });

  await t.step("a second start prints the PID and is content", async () => {
    const { code, stdout } = await node.ivy("start");
    assertEquals([code, stdout], [0, `Ivy runs already (PID ${pid})\n`]);
  });

  await t.step("restart takes a changed configuration into use, in a new process", async () => {
    node.configure((config) => config.general.config_revision = 7);
    const { code, stdout, stderr } = await node.ivy("restart");
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^Ivy has stopped \(PID \d+\)\nIvy runs \(PID \d+\)/);
    const status = await node.status();
    assertEquals(status.config_revision, 7);
    assert(status.pid !== pid);
    pid = status.pid;
  });

  await t.step(
    "restart refuses a configuration that would not start again, and the agent runs on",
    async () => {
      const good = Deno.readTextFileSync(node.paths.configFile);
      node.configure((config) => config.procedures["random_walk"]!["seconds_between_datapoints"] = "often");
      const { code, stderr } = await node.ivy("restart");
      assertEquals(code, 78);
      assertStringIncludes(stderr, "procedures.random_walk.seconds_between_datapoints: expected a number");
      assertStringIncludes(stderr, "The agent was not restarted and runs on");
      assertEquals((await node.status()).pid, pid);
      node.writeConfig(good);
    },
  );

  await t.step("stop ends it in under a second", async () => {
    const { tookMs: lookMs } = await node.ivy("status");
    const { code, tookMs } = await node.ivy("stop");
    assertEquals(code, 0);
    assertQuick(tookMs, lookMs);
    assertEquals((await node.ivy("status")).code, 3);
    assertNoIdMissing(node.messages());
  });
});

Deno.test("ivy start survives the closing of the terminal", async () => {
  await using node = backgroundNode({ procedures: FAST });
  const [program, ...args] = shippedIvy();
  const script = '"$@" >/dev/null; kill -HUP 0'; // what a shell that loses its terminal does to its jobs
  await new Deno.Command("setsid", {
    args: ["sh", "-c", script, "sh", program, ...args, "start", "--root", node.root],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  const before = node.messages().length;
  await node.untilMessages("more messages", (messages) => messages.length > before || undefined);
  assertEquals((await node.status()).ready, true);
});

Deno.test("two starts in the same instant make one agent, and both say so", async () => {
  await using node = backgroundNode({ procedures: FAST });
  const starts = await Promise.all([node.ivy("start"), node.ivy("start"), node.ivy("start")]);
  const { pid } = await node.status();
  for (const { code, stdout, stderr } of starts) {
    assertEquals(code, 0, stderr);
    assertMatch(stdout, new RegExp(`\\(PID ${pid}\\)`));
  }
});

Deno.test("two agents in the same instant: one runs, the other exits with 75 and its PID", async () => {
  await using node = new TestNode();
  const agents = [node.run(), node.run()] as const;
  await using first = agents[0];
  await using second = agents[1];
  const [winner, loser] = await Promise.race([
    second.ended().then(() => [first, second] as const),
    first.ended().then(() => [second, first] as const),
  ]);
  await winner.ready();
  assertEquals((await loser.ended()).code, 75);
  assertMatch(loser.log.text, new RegExp(`Ivy runs already on .* \\(PID ${winner.pid}\\)`));
  assertEquals((await node.status()).pid, winner.pid);
  assertEquals((await winner.stop()).code, 0);
  assertNoIdMissing(node.messages());
});

Deno.test("ivy start with a bad configuration shows every fault, exits with 78, and leaves no agent", async () => {
  await using node = backgroundNode({
    procedures: { random_walk: { seconds_between_datapoints: -1 } },
    covered: true,
  });
  const { code, stdout, stderr } = await node.ivy("start");
  assertEquals([code, stdout], [78, ""]);
  assertStringIncludes(stderr, "is not a valid configuration");
  assertStringIncludes(
    stderr,
    "procedures.random_walk.seconds_between_datapoints: expected a number from 0.05 to 7200, got -1",
  );
  assertEquals((await node.ivy("status")).code, 3);
});

Deno.test("ivy start of an agent that cannot live shows the end of what it said, and exits with 1", async () => {
  await using node = backgroundNode({ procedures: FAST });
  Deno.mkdirSync(join(node.paths.control, "ivy.sock", "in the way"), { recursive: true });
  const { code, stdout, stderr } = await node.ivy("start");
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^ivy: created \S+\/data\nivy: the agent ended at once:\n(.*\n)*.*ivy\.sock/);
  assertEquals(await lockIsFree(node.paths, 1000), true);
});

Deno.test("ivy start is patient with a procedure that fails: the node is ready nevertheless", async () => {
  await using node = backgroundNode({
    program: await misbehavingIvy(),
    procedures: { metronome: {}, throws_at_once: {}, throws_on_loading: {} },
    covered: true,
  });
  const { code, stderr } = await node.ivy("start");
  assertEquals(code, 0, stderr);
  const { stdout } = await node.ivy("status");
  assertMatch(stdout, /^not well /);
  assertMatch(stdout, /throws_at_once .* failed: broken at once, because the sensor is not there/);
  assertEquals((await node.ivy("restart")).code, 0);
});

/** State, parent, group, session and terminal of a process. */
function statOf(pid: number): string[] {
  return Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ").slice(0, 5);
}

Deno.test("ivy stop says what it waits for, and waits for a procedure that closes its valve slowly", async () => {
  await using node = backgroundNode({
    program: await misbehavingIvy(),
    procedures: { ignores_teardown: { teardown_hangs: true } },
    env: { IVY_TEST_STOP_GRACE_MS: "3000" },
    covered: true,
  });
  const { code: started, stderr: complaint } = await node.ivy("start");
  assertEquals(started, 0, complaint);
  const { code, stdout, stderr } = await node.ivy("stop");
  assertEquals([code, stderr], [0, "ivy: waiting for the procedures to tear down…\n"]);
  assertMatch(stdout, /^Ivy has stopped \(PID \d+\)\n$/);
  assertEquals(await lockIsFree(node.paths, 1000), true);
});
