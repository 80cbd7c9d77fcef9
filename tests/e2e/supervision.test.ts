// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { logsOf, valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { assertNoIdMissing, assertSteady, beatsOf } from "../support/steady.ts";

const program = await misbehavingIvy();

Deno.test("procedures that fail are restarted, and their neighbour misses no tick", async (t) => {
  await using node = new TestNode({
    program,
    procedures: {
      metronome: {},
      throws_on_loading: {},
      throws_at_once: {},
      throws_later: {},
      rejects_unnoticed: {},
      trespasses: {},
      grows: {},
      floods_log: {},
      misnamed: {},
      wrong_host: {},
      wrong_line: {},
    },
    covered: true,
  });
  await using agent = await node.run().ready();
  const { log } = agent;

  await t.step("one whose file does not load", async () => {
    const [line] = await log.until(/EXCEPTION throws_on_loading .*\n( {4}.*\n)*/);
    assertStringIncludes(line, "failed: broken while loading; it starts again in");
    assertMatch(line, /throws_on_loading\.\w+:\d+:\d+/, "the place of the fault is missing");
  });

  await t.step("one that throws at once, with the chain of causes", async () => {
    const [line] = await log.until(/EXCEPTION throws_at_once .*\n( {4}.*\n)*/);
    assertStringIncludes(line, "failed: broken at once, because the sensor is not there; it starts again");
    assertStringIncludes(line, "    caused by RangeError: the sensor is not there");
  });

  await t.step("one that throws later: its teardown is called and can still store", async () => {
    await log.until(
      /throws_later {2}valve opened[^]*throws_later {2}valve closed[^]*throws_later {2}valve opened/,
    );
    assertMatch(log.text, /EXCEPTION throws_later {2}failed: broken later; it starts again in/);
    const story = valuesOf(node.messages(), "before_failure");
    assertEquals(story.slice(0, 3), [1, 2, 3]);
    assertEquals(valuesOf(node.messages(), "valve")[0], "closed");
  });

  await t.step("one with a rejection that nobody handles: its teardown is called", async () => {
    await log.until(/rejects_unnoticed {2}torn down after the rejection/);
    await log.until(/EXCEPTION rejects_unnoticed {2}failed: nobody awaits this; it starts again in/);
  });

  await t.step(
    "one that uses what it was not granted: the log says what, and which line to edit",
    async () => {
      await log.until(
        /EXCEPTION trespasses {2}failed: was denied the permission "read" for "\/etc\/passwd"; if it needs that, grant it in the line "trespasses" of procedures\/registry\.ts/,
      );
    },
  );

  await t.step(
    "one whose line of the registry is wrong has no permissions, and the others live",
    async () => {
      await log.until(
        /EXCEPTION misnamed {2}failed: its file defines a procedure named "metronome"; the names must be/,
      );
      await log.until(
        /ERROR +wrong_host {2}its permissions are not valid, so it has none: invalid host 'two words'/,
      );
      await log.until(
        /EXCEPTION wrong_line {2}its permissions could not be worked out from its settings; it gets none/,
      );
      for (const name of ["wrong_host", "wrong_line"]) {
        const [, doors] = await log.until(new RegExp(`INFO +${name} {2}doors (.*)`));
        assert(!doors!.includes("opened"), doors);
      }
    },
  );

  await t.step("one that allocates without end, before it hurts anybody", async () => {
    const [, megabytes] = await log.until(/ERROR +grows {2}used ([\d.]+) MB of memory, over its limit/);
    assert(Number(megabytes) < 200, `${megabytes} MB`);
  });

  await t.step("one that floods the log is cut short, and the others' lines are there", async () => {
    await log.until(/WARNING +floods_log {2}suppressed \d+ lines/);
    const lines = log.text.match(/flood \d+ of 10000/g)!;
    assert(lines.length < 1000, `${lines.length} lines of the flood came through`);
    const suppressed = [...log.text.matchAll(/suppressed (\d+) lines/g)].map(([, count]) => Number(count));
    const accounted = lines.length + suppressed.reduce((sum, count) => sum + count);
    assert(accounted >= 10_000 && accounted < 10_020, `${accounted} lines are accounted for`);
    await log.until(/floods_log {2}after the flood/);
  });

  await t.step("the failures are in the status and became messages", async () => {
    const { ready, procedures } = await node.status();
    assertEquals(ready, true, "one in backoff must not make the node unready");
    for (const name of ["throws_at_once", "throws_later", "rejects_unnoticed", "trespasses", "grows"]) {
      assert(procedures[name]!.restarts > 0 || procedures[name]!.state === "backoff", name);
      assert(procedures[name]!.last_error !== null, name);
    }
    assertEquals(procedures["metronome"]!.restarts, 0);
    assertEquals(procedures["metronome"]!.last_error, null);
    const logs = logsOf(node.messages());
    assert(
      logs.some((line) => line.startsWith("EXCEPTION throws_at_once: failed: broken at once")),
      `${logs}`,
    );
  });

  await t.step("the neighbour has not missed a tick, and no id is missing", async () => {
    await node.untilMessages("10 beats", (messages) => beatsOf(messages).length >= 10 || undefined);
    assertEquals((await agent.stop()).code, 0);
    const messages = node.messages();
    assertSteady(beatsOf(messages), 10);
    assertNoIdMissing(messages);
  });
});

for (const hangs of [false, true]) {
  const name = hangs
    ? "a procedure whose teardown hangs is terminated"
    : "teardown is called although run() goes on";
  Deno.test(`a procedure that ignores its end: ${name}`, async () => {
    await using node = new TestNode({
      program,
      procedures: { metronome: {}, ignores_teardown: { teardown_hangs: hangs } },
      env: { IVY_TEST_STOP_GRACE_MS: "1500" },
    });
    await using agent = await node.run().ready();
    const { code, tookMs } = await agent.stop();
    assertEquals(code, 0);
    assert(tookMs < 3000, `took ${tookMs} ms`);
    const { text } = agent.log;
    assertMatch(text, /WARNING +ignores_teardown {2}run\(\) did not end within 0\.4 s of being told to end/);
    assertMatch(text, /INFO +ignores_teardown {2}closing the valve/);
    assertEquals(/WARNING +ignores_teardown {2}teardown\(\) did not end/.test(text), hangs);
    assertNoIdMissing(node.messages());
  });
}

Deno.test("a procedure that has replaced what its memory is measured with is terminated when it grows", async () => {
  await using node = new TestNode({ program, procedures: { metronome: {}, grows_secretly: {} } });
  await using agent = await node.run().ready();
  await agent.log.until(/ERROR +grows_secretly {2}used [\d.]+ MB of memory, over its limit/);
  assertEquals((await agent.stop()).code, 0);
});
