// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AgentProcess } from "../support/agent_process.ts";
import { Evidence } from "../support/evidence.ts";
import { TestNode } from "../support/node.ts";
import { isCompiled, misbehavingIvy } from "../support/program.ts";
import { mayMount, SmallDisk } from "../support/small_disk.ts";
import { findFaults } from "../support/store_oracle.ts";

/** A compiled node also holds the program. */
const DISK_BYTES = isCompiled ? 200_000_000 : 4_000_000;
/** How soon the store must be back by itself when there is space again, in milliseconds. */
const RECOVERY_MS = 60_000;
const PROCEDURES = { tells_1: {}, tells_2: { seconds: 0.05, at_once: 20 } };

const mounts = mayMount();

Deno.test({
  name:
    "a full disk: procedures run on, what is refused they hear, and when space returns all goes on by itself",
  ignore: !mounts,
  fn: async () => {
    using disk = new SmallDisk(DISK_BYTES);
    await using node = await nodeOn(disk);
    await using agent = await node.run().ready();
    await agent.output.until(/^a /m);
    disk.fill();
    await refusedOfEach(agent);
    await ticksAfter(agent, agent.output.text.length);
    const { store, procedures } = await node.status();
    assert(store.messages!.refused > 0);
    assertEquals(Object.values(procedures).map(({ state, restarts }) => [state, restarts]), [
      ["running", 0],
      ["running", 0],
    ]);
    disk.empty();
    await acknowledgedOfEach(agent, agent.output.text.length);
    assertEquals((await agent.stop()).code, 0);
    assertNothingIsLost(node, agent);
  },
});

Deno.test({
  name: "an agent that is killed on a full disk and starts on it works as soon as there is space",
  ignore: !mounts,
  fn: async () => {
    using disk = new SmallDisk(DISK_BYTES);
    await using node = await nodeOn(disk);
    await using first = await node.run().ready();
    await first.output.until(/^a /m);
    disk.fill();
    await refusedOfEach(first);
    await first.kill();
    disk.fill();
    await using second = await node.run().ready();
    await second.log.until(/store {2}the disk is full; messages wait/);
    await ticksAfter(second, 0);
    assertEquals((await node.status()).store.state, "starting");
    disk.empty();
    await acknowledgedOfEach(second, second.output.text.length);
    assertEquals((await node.status()).store.restarts, 0);
    assertEquals((await second.stop()).code, 0);
    assertNothingIsLost(node, first, second);
  },
});

Deno.test({
  name: "an agent on a full disk ends when it is told to",
  ignore: !mounts,
  fn: async () => {
    using disk = new SmallDisk(DISK_BYTES);
    await using node = await nodeOn(disk);
    await using first = await node.run().ready();
    await first.output.until(/^a /m);
    disk.fill();
    await refusedOfEach(first);
    const { code, tookMs } = await first.stop();
    assertEquals(code, 0, first.log.text);
    assert(tookMs < 10_000, `it took ${tookMs} ms`);
    disk.fill();
    await using second = await node.run().ready();
    await second.log.until(/store {2}the disk is full; messages wait/);
    const again = await second.stop();
    assertEquals(again.code, 0);
    assert(again.tookMs < 10_000, `it took ${again.tookMs} ms`);
    disk.empty();
    await using third = await node.run().ready();
    await acknowledgedOfEach(third, 0);
    assertEquals((await third.stop()).code, 0);
    assertNothingIsLost(node, first, second, third);
  },
});

async function nodeOn(disk: SmallDisk): Promise<TestNode> {
  const node = new TestNode({ program: await misbehavingIvy(), folder: disk.path, procedures: PROCEDURES });
  node.configure((config) => Object.assign(config.storage, { min_free_mb: 0 }));
  return node;
}

/** The lives of the procedures, by the messages of which they tell. */
function livesIn(text: string): string[] {
  return [...new Set([...text.matchAll(/^t (\w+)$/gm)].map(([, life]) => life!))];
}

async function ofEach(agent: AgentProcess, word: string, after: number, deadlineMs: number): Promise<void> {
  await agent.output.untilTrue(`${word} of each procedure`, (text) => {
    const rest = text.slice(after);
    const lives = livesIn(text);
    return lives.length === 2 && lives.every((life) => new RegExp(`^${word} ${life}`, "m").test(rest)) ||
      undefined;
  }, { deadlineMs });
}

async function refusedOfEach(agent: AgentProcess): Promise<void> {
  await ofEach(agent, "r", 0, RECOVERY_MS);
  const [, reason] = /^r \S+ (.*)$/m.exec(agent.output.text)!;
  assertMatch(reason!, /^the store refused a message: the disk is full/);
}

async function acknowledgedOfEach(agent: AgentProcess, after: number): Promise<void> {
  await ofEach(agent, "a", after, RECOVERY_MS);
}

/** Ticks go on whatever becomes of the messages. */
async function ticksAfter(agent: AgentProcess, after: number): Promise<void> {
  await agent.output.untilTrue("20 ticks of each procedure", (text) => {
    const rest = text.slice(after);
    const counts = livesIn(text).map((life) => rest.split(`t ${life}\n`).length - 1);
    return counts.length === 2 && counts.every((count) => count >= 20) || undefined;
  }, { deadlineMs: RECOVERY_MS });
}

function assertNothingIsLost(node: TestNode, ...agents: AgentProcess[]): void {
  const evidence = new Evidence();
  for (const agent of agents) evidence.noteAll(agent.output.text);
  const faults = findFaults(node.paths.data, evidence);
  assertEquals(faults, [], faults.join("\n"));
  assert(evidence.acknowledged.size > 0 && evidence.refused.size > 0);
}
