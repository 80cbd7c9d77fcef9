// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type StoredLine, valuesOf } from "../support/messages.ts";
import { needs } from "../support/needs.ts";
import { TestNode, type TestNodeOptions } from "../support/node.ts";
import { NotifySocket } from "../support/notify_socket.ts";
import { misbehavingIvy } from "../support/program.ts";
import { Scratch } from "../support/scratch.ts";

const ignore = needs("socat") !== undefined;
const WATCHDOG = { WATCHDOG_USEC: "2000000" };
/** Long enough that systemd would have been told, in milliseconds. */
const SILENCE_MS = 5000;

function watchedNode({ address }: NotifySocket, options: TestNodeOptions): TestNode {
  return new TestNode({ ...options, env: { ...WATCHDOG, NOTIFY_SOCKET: address, ...options.env } });
}

Deno.test({
  name: "systemd hears when the node is ready, how it is, that it lives, and that it ends",
  ignore,
  async fn(t) {
    await using socket = await NotifySocket.open();
    await using node = watchedNode(socket, {
      procedures: { random_walk: { seconds_between_datapoints: 0.1 } },
    });
    await using agent = await node.run().ready();
    const { told } = socket;
    await t.step("ready once, from the process that stays", async () => {
      await told.until(/^READY=1$/m);
      assertEquals(/^MAINPID=(\d+)$/m.exec(told.text)?.[1], String(agent.pid));
      await told.until(/^STATUS=Well/m);
    });
    await t.step("signs of life go on", async () => void await told.until(/(WATCHDOG=1[^]*){4}/));
    await t.step("the end is told before it is over", async () => {
      assertEquals((await agent.stop()).code, 0);
      await told.until(/^STOPPING=1\nSTATUS=Stopping: SIGTERM$/m);
    });
    assertEquals(told.text.match(/^READY=1$/gm)?.length, 1);
  },
});

Deno.test({
  name: "a dead sensor does not take the service down: ready comes, and the status says who is not well",
  ignore,
  async fn() {
    await using socket = await NotifySocket.open({ isAbstract: true });
    await using node = watchedNode(socket, {
      program: await misbehavingIvy(),
      procedures: { metronome: {}, throws_at_once: {}, looks_around: {} },
      covered: true,
    });
    await using _agent = await node.run().ready();
    await socket.told.until(/^READY=1$/m);
    await socket.told.until(/^STATUS=Not well: .*throws_at_once/m);
    await socket.told.until(/(WATCHDOG=1[^]*){2}/);
    const messages = await node.untilMessages(
      "what it sees",
      (found) => valuesOf(found, "variables").length > 0 ? found : undefined,
    );
    assertEquals(
      new Set(valuesOf(messages, "variables")),
      new Set([0]),
      "a worker sees the manager's socket",
    );
  },
});

Deno.test({
  name: "a store that hangs ends the signs of life, so that systemd ends the agent",
  ignore,
  async fn() {
    await using socket = await NotifySocket.open();
    await using node = watchedNode(socket, {
      program: await misbehavingIvy(),
      procedures: { metronome: {} },
      env: { IVY_TEST_STORE: "command", IVY_TEST_STORE_WATCHDOG_MS: "600000" },
    });
    await using _agent = await node.run().ready();
    const { told } = socket;
    await told.until(/(WATCHDOG=1[^]*){2}/);
    Deno.writeTextFileSync(join(node.paths.data, "spin"), "");
    const { index } = await told.until(/^STATUS=.*store does not answer/m);
    await assertRejects(
      () => told.until(/WATCHDOG=1/, { after: index + 1, deadlineMs: SILENCE_MS }),
      Error,
      "was not printed within",
    );
  },
});

Deno.test({
  name:
    "an agent whose procedure hangs stays the same service: same PID, no end, ready again if it replaces itself",
  ignore,
  async fn() {
    await using socket = await NotifySocket.open();
    await using folder = new Scratch("ivy-spins-");
    const mark = join(folder.path, "spun");
    await using node = watchedNode(socket, {
      program: await misbehavingIvy(),
      procedures: { metronome: {}, spins: { mark } },
      env: { IVY_TEST_STOP_GRACE_MS: "500" },
    });
    await using agent = await node.run().ready();
    const { told } = socket;
    const hasTwoLives = (messages: StoredLine[]) => valuesOf(messages, "before_spin").length > 2 || undefined;
    await node.untilMessages("a second life", hasTwoLives, 180_000);
    if (agent.log.text.includes("cannot be stopped")) { // by the newer versions of Deno
      await told.until(/^STATUS=Restarting: the thread of "spins"[^]*^READY=1$/m);
    }
    assert(!told.text.includes("STOPPING=1"), "systemd would end the new one as well");
    assertEquals(new Set(told.text.match(/^MAINPID=.*$/gm)), new Set([`MAINPID=${agent.pid}`]));
  },
});
