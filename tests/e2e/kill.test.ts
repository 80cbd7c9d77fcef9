// Runs in: tests.
import { assertEquals } from "@std/assert";
import { Evidence } from "../support/evidence.ts";
import { KillChain } from "../support/kill_round.ts";
import { TestNode } from "../support/node.ts";
import { isCompiled, misbehavingIvy } from "../support/program.ts";
import { findFaults } from "../support/store_oracle.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const ROUNDS = Number(Deno.env.get("IVY_KILL_ROUNDS") ?? (isNightly ? 10_000 : 200));
const AGENT_ROUNDS = isNightly ? 200 : 10;
/** So many rounds share a folder: each reads all of it. */
const ROUNDS_PER_CHAIN = 20;
const SIDE_BY_SIDE = 2;

Deno.test({
  name: `${ROUNDS} times: a store with four writers is killed, and nothing that was acknowledged is missing`,
  ignore: isCompiled, // it is the same store; the agent below is the binary's
  fn: async () => {
    let chains = Math.ceil(ROUNDS / ROUNDS_PER_CHAIN);
    let messages = 0;
    const workThrough = async () => {
      while (chains-- > 0) messages += await runChain();
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, workThrough));
  },
});

Deno.test(`${AGENT_ROUNDS} times: an agent with four procedures is killed, and nothing that was acknowledged is missing`, async () => {
  const tells = Object.fromEntries([1, 2, 3, 4].map((number) => [`tells_${number}`, { seconds: 0.01 }]));
  await using node = new TestNode({ program: await misbehavingIvy(), procedures: tells });
  const evidence = new Evidence();
  for (let round = 0; round < AGENT_ROUNDS; round++) {
    await using agent = await node.run().ready();
    const lines = 1 + Math.floor(Math.random() * 400);
    await agent.output.untilTrue("enough messages", (text) => text.split("\n").length > lines || undefined);
    await agent.kill();
    evidence.noteAll(agent.output.text);
  }
  await using agent = await node.run().ready();
  assertEquals((await agent.stop()).code, 0, agent.log.text);
  const faults = findFaults(node.paths.data, evidence);
  assertEquals(faults, [], faults.join("\n"));
});

async function runChain(): Promise<number> {
  await using chain = new KillChain();
  for (let round = 0; round < ROUNDS_PER_CHAIN; round++) {
    if (Math.random() < 0.2) await chain.killWhileOpening(5 + Math.random() * 120);
    else {
      const faults = await chain.killAtWork(1 + Math.floor(Math.random() * 300));
      assertEquals(faults, [], `after ${chain.kills} kills`);
    }
  }
  assertEquals(await chain.closeInOrder(), [], `after ${chain.kills} kills`);
  assertEquals(chain.complaints, []);
  return chain.acknowledged.size;
}
