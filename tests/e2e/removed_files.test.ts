// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { AgentProcess } from "../support/agent_process.ts";
import { valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { shippedIvy } from "../support/program.ts";
import { until } from "../support/until.ts";

const FAST = { random_walk: { seconds_between_datapoints: 0.05 } };

/** Which agents work on a root, by their command lines. */
function agentsOf(root: string): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      return words.includes("run") && words.includes(root);
    } catch {
      return false; // no process, or one that has just ended
    }
  });
}

const DISTURBANCES: [name: string, disturb: (node: TestNode) => void, made: RegExp][] = [
  [
    "rm control/run.lock",
    ({ paths }) => Deno.removeSync(paths.lockFile),
    /control\/run\.lock was removed or/,
  ],
  ["rm control/ivy.sock", ({ paths }) => Deno.removeSync(paths.socket), /control\/ivy\.sock was removed or/],
  [
    "rm -r control",
    ({ paths }) => Deno.removeSync(paths.control, { recursive: true }),
    /control\/ivy\.sock was removed or [^]*control\/run\.lock was removed or/,
  ],
  [
    "mv control control.old",
    ({ paths }) => Deno.renameSync(paths.control, `${paths.control}.old`),
    /control\/ivy\.sock was removed or [^]*control\/run\.lock was removed or/,
  ],
];

for (const [name, disturb, made] of DISTURBANCES) {
  Deno.test(`${name} while the agent runs: ivy start finds it, all is made again, and ivy stop ends it`, async () => {
    await using node = new TestNode({ procedures: FAST });
    await using agent = await node.run().ready();
    disturb(node);
    const start = await node.ivy("start");
    assertEquals([start.code, start.stdout], [0, `Ivy runs already (PID ${agent.pid})\n`], start.stderr);
    await agent.log.until(made);
    assertEquals(Deno.statSync(node.paths.control).mode! & 0o777, 0o700);
    assertEquals(Deno.statSync(node.paths.socket).mode! & 0o777, 0o600);
    assertEquals(Deno.readTextFileSync(node.paths.lockFile), `${agent.pid}\n`);
    assertEquals((await node.status()).pid, agent.pid);
    assertEquals(agentsOf(node.root), [agent.pid]);
    const stop = await node.ivy("stop");
    assertEquals([stop.code, stop.stdout], [0, `Ivy has stopped (PID ${agent.pid})\n`], stop.stderr);
    assertEquals((await agent.ended()).code, 0);
    assertEquals((await node.ivy("status")).code, 3);
  });
}

Deno.test("mv data data.old while the agent runs: it starts anew with what is there, and there is never a second", async () => {
  await using node = new TestNode({ procedures: FAST });
  await using agent = await node.run().ready();
  await node.untilMessages("measurements", (messages) => valuesOf(messages, "random_value")[5]);
  Deno.renameSync(node.paths.data, `${node.paths.data}.old`);
  assertEquals((await node.ivy("start")).code, 0); // while it restarts itself, another may be faster
  const again =
    /data was removed, renamed or replaced while Ivy ran; the agent restarts itself[^]* ready: \d/;
  await until(
    "it is over or runs again",
    () => again.test(agent.log.text) || /runs already/.test(agent.log.text),
  );
  await until("an agent answers", async () => [0, 4].includes((await node.ivy("status")).code));
  await node.untilMessages("measurements again", (messages) => valuesOf(messages, "random_value")[2]);
  await until("one agent", () => agentsOf(node.root).length === 1);
  const { pid } = await node.status();
  assertEquals(agentsOf(node.root), [pid]);
  assertMatch((await node.ivy("stop")).stdout, new RegExp(`PID ${pid}`));
  await agent.ended();
  assertEquals(agentsOf(node.root), []);
});

Deno.test("mv root elsewhere while the agent runs: it ends, touches nothing there, and is found until then", async () => {
  await using node = new TestNode({ procedures: FAST });
  await using agent = await node.run().ready();
  const elsewhere = `${node.root}.new`;
  Deno.renameSync(node.root, elsewhere);
  Deno.mkdirSync(node.root);
  const { code } = await agent.ended();
  assertEquals(code, 1);
  assertStringIncludes(agent.log.text, `${node.root} was removed, renamed or replaced while Ivy ran`);
  assertEquals(
    [...Deno.readDirSync(node.root)].map(({ name }) => name).filter((name) => name === "control"),
    [],
  );
  await using next = new AgentProcess(shippedIvy(), ["run", "--root", elsewhere], {}, false);
  await next.ready();
  assertEquals((await next.stop()).code, 0);
});

Deno.test("a log that is removed while the agent runs is made again, and ivy logs -f goes on", async () => {
  await using node = new TestNode({ procedures: FAST });
  await using agent = await node.run().ready();
  await using follower = new AgentProcess(shippedIvy(), ["logs", "-f", "--root", node.root], {}, false);
  await follower.output.until(/ready: 1 procedures/);
  const file = () =>
    [...Deno.readDirSync(node.paths.logs)].find(({ name }) => /^\d.*\.log$/.test(name))?.name;
  for (
    const remove of [() => Deno.removeSync(join(node.paths.logs, file()!)), () => {
      Deno.renameSync(node.paths.logs, `${node.paths.logs}.old`);
    }]
  ) {
    const seen = follower.output.text.length;
    remove();
    await until("it is there again", () => exists(node.paths.logs) && file() !== undefined);
    await until(
      () => `a line of it:\n${follower.output.text}`,
      () => /\.log was removed or replaced/.test(follower.output.text.slice(seen)),
    );
    if (exists(`${node.paths.logs}.old`)) Deno.removeSync(`${node.paths.logs}.old`, { recursive: true });
  }
  assert(agent.log.text.includes("was removed or replaced while Ivy ran; it is made again"));
});
