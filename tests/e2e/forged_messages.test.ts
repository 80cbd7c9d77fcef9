// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { FORGERIES } from "../support/registry.ts";
import { assertSteady, beatsOf } from "../support/steady.ts";

const program = await misbehavingIvy();
/** So many hostile procedures at once are enough for two processors. */
const AT_ONCE = 8;

for (let first = 0; first < FORGERIES.length; first += AT_ONCE) {
  const forgeries = FORGERIES.slice(first, first + AT_ONCE);
  Deno.test(`a forged message fails its sender and nobody else: ${forgeries.join(", ")}`, async () => {
    const forgers = forgeries.map((name) => [`forges_${name}`, {}]);
    await using node = new TestNode({
      program,
      procedures: { metronome: {}, ...Object.fromEntries(forgers) },
    });
    await using agent = await node.run().ready();
    for (const name of forgeries) {
      await agent.log.until(
        new RegExp(`ERROR +forges_${name} {2}sent an invalid message and is terminated: .*; it starts again`),
      );
    }
    await node.untilMessages(
      "the neighbour's beats",
      (messages) => beatsOf(messages).length >= 4 || undefined,
    );
    const status = await node.status();
    assertEquals(status.store.state, "running");
    assertEquals(status.store.restarts, 0);
    assertEquals(status.procedures["metronome"]?.restarts, 0);
    for (const name of forgeries) assert(status.procedures[`forges_${name}`]!.invalid_messages >= 1, name);
    assertEquals((await agent.stop()).code, 0);
    assertSteady(beatsOf(node.messages()));
    assert(!JSON.stringify(node.messages()).includes('"forged"'), "what was forged has been stored");
    assert(!JSON.stringify(node.messages()).includes('"accepted"'), "a configuration was forged");
  });
}

Deno.test("what begins lines of its own, or is broadcast by others than main, deceives nobody", async () => {
  const tricks = { forges_line_feed: {}, forges_log_lines: {}, forges_broadcast: {} };
  await using node = new TestNode({ program, procedures: { metronome: {}, shows_state: {}, ...tricks } });
  await using agent = await node.run().ready();
  const { log } = agent;
  await log.until(/forges_broadcast {2}has forged[^]*overloaded: .*\n[^]*overloaded: /);
  await log.until(/forges_log_lines {2}a/);
  await node.untilMessages("the neighbour's beats", (messages) => beatsOf(messages).length >= 4 || undefined);
  await node.untilMessages(
    "the fed line",
    (messages) => JSON.stringify(messages).includes('"fed":1') || undefined,
  );
  assert(!log.text.includes("overloaded: true"), "a broadcast that main has not made was believed");
  assertEquals((await agent.stop()).code, 0);
  assertMatch(
    node.logText(),
    /forges_log_lines {2}a\\x0a2026-11-22T12:00:00.123Z ERROR {5}agent {2}forged\\x1b\[2J\n/,
  );
  assertStringIncludes(
    node.logText(),
    "    b\\x0d2026-11-22T12:00:00.123Z ERROR     agent  forged\n    c\\x1b]0;d\\x07\n",
  );
  assertSteady(beatsOf(node.messages()));
  assertEquals(
    node.messages().filter(({ message_body: { variant } }) => variant === "data").length > 2,
    true,
  );
});

Deno.test("a broadcast of 20 MB holds up nobody who does not look at the state, and main not at all", async () => {
  const procedures = { metronome: {}, shows_state: {}, forges_large_broadcast: {} };
  await using node = new TestNode({ program, procedures });
  await using agent = await node.run().ready();
  await agent.log.until(/forges_large_broadcast {2}has forged/);
  const beats = beatsOf(node.messages()).length;
  await node.untilMessages("further beats", (messages) => beatsOf(messages).length >= beats + 4 || undefined);
  assertEquals((await agent.stop()).code, 0);
  assertSteady(beatsOf(node.messages()));
});
