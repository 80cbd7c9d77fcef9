// Runs in: tests.
import { assertEquals } from "@std/assert";
import { KillChain } from "../support/kill_round.ts";
import { isCompiled } from "../support/program.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const ROUNDS = Number(Deno.env.get("IVY_KILL_ROUNDS") ?? (isNightly ? 10_000 : 200));
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
