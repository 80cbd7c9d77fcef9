// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { parseEntry } from "../../src/agent/log_format.ts";
import { valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { isCompiled, misbehavingIvy } from "../support/program.ts";
import { assertNoIdMissing, assertSteady, beatsOf } from "../support/steady.ts";
import { untilFiles } from "../support/until_files.ts";

const program = await misbehavingIvy();

/** Deno up to 2.6 stops a thread that spins; later versions cannot, so the agent replaces its own process. */
const canStopThreads = isCompiled && await startsWithDeno24();

/** From the detection until every procedure runs again. */
const RESTART_LIMIT_MS = 2000;
/** On a machine that is busy with other things: as many times as long as the first start took, if that is more. */
const RESTART_LIMIT_STARTS = 4;

Deno.test("a procedure that spins is ended, the culprit is named, and all others run on", async () => {
  await using node = new TestNode({ program });
  const mark = join(node.paths.data, "spun");
  node.configure((config) =>
    config.procedures = { metronome: { enabled: true }, spins: { enabled: true, mark } }
  );
  await using agent = await node.run().ready();
  await agent.log.until(/ERROR +spins {2}gave no sign of life for 1\.\d s and is terminated/);
  if (canStopThreads) {
    await node.untilMessages(
      "a second life",
      (messages) => valuesOf(messages, "before_spin").length > 2 || undefined,
    );
  } else {
    await agent.log.until(/cannot be stopped[^]* ready: \d procedures/);
    assertMatch(
      agent.log.text,
      /ERROR +agent {2}the thread of "spins" cannot be stopped .* the agent restarts itself/,
    );
    assertRestartedInTime(agent.log.text, /gave no sign of life/);
    await node.untilMessages(
      "a second life",
      (messages) => valuesOf(messages, "before_spin").length > 2 || undefined,
    );
  }
  const { pid, ready } = await node.status();
  assertEquals(pid, agent.pid, "the process must be replaced in place: whoever started it still holds it");
  assertEquals(ready, true);
  assertEquals((await agent.stop()).code, 0);
  const messages = node.messages();
  assertNoIdMissing(messages);
  assertSteadyBut(beatsOf(messages), canStopThreads ? 0 : restartLimitMs(agent.log.text));
});

Deno.test("what a worker says after it was replaced is not heard", async () => {
  await using node = new TestNode({
    program,
    procedures: { metronome: {}, speaks_when_replaced: {} },
  });
  await using agent = await node.run().ready();
  await agent.log.until(/still here \d+/);
  await agent.log.until(/speaks_when_replaced {2}gave no sign of life/);
  await agent.log.until(/gave no sign of life[^]*(cannot be stopped[^]*stopped\n|still here 1\n)/);
  const [, after] = /gave no sign of life[^\n]*\n([^]*?)(Ivy [\d.]+ starts|still here 1\n|$)/.exec(
    agent.log.text,
  )!;
  assertEquals(after!.match(/still here \d+/), null, after);
});

Deno.test({
  name: "a procedure that spins again and again disturbs the others less and less",
  ignore: canStopThreads,
  async fn() {
    await using node = new TestNode({ program, procedures: { metronome: {}, speaks_when_replaced: {} } });
    await using agent = await node.run().ready();
    const [patience] = await agent.log.until(/(ready: 2 procedures[^]*){3}/);
    assertMatch(
      patience,
      /WARNING +speaks_when_replaced {2}failed 2 times in a row before the agent restarted itself; it starts again in/,
    );
    const { procedures } = await node.status();
    assertMatch(procedures["speaks_when_replaced"]!.last_error!.message, /^failed 2 times in a row/);
  },
});

Deno.test("a store that crashes between commit and answer loses nothing and stores nothing twice", async () => {
  await using node = new TestNode({
    program,
    procedures: { metronome: {}, counts: {} },
    env: { IVY_TEST_STORE: "command" },
  });
  await using agent = await node.run().ready();
  for (let crash = 1; crash <= 3; crash++) {
    await agent.log.until(/counts {2}acknowledged/, { after: agent.log.text.length });
    Deno.writeTextFileSync(join(node.paths.data, "crash"), "");
    await agent.log.until(/store {2}failed: the store was told to crash/, { after: agent.log.text.length });
  }
  await agent.log.until(/counts {2}acknowledged/, { after: agent.log.text.length });
  assertEquals((await agent.stop()).code, 0);
  assertEquals(agent.log.text.match(/the store was told to crash; it starts again/g)?.length, 3);
  const messages = node.messages();
  const numbers = valuesOf(messages, "number") as number[];
  assertEquals(numbers, numbers.map((_, index) => index + 1));
  assert(numbers.length >= lastAcknowledged(agent.log.text));
  assertSteady(beatsOf(messages));
  assertNoIdMissing(messages);
});

Deno.test("a store that spins is replaced, and what was acknowledged is kept", async () => {
  await using node = new TestNode({
    program,
    procedures: { metronome: {}, counts: {} },
    env: { IVY_TEST_STORE: "command" },
  });
  await using agent = await node.run().ready();
  await agent.log.until(/counts {2}acknowledged [^]*counts {2}acknowledged/);
  Deno.writeTextFileSync(join(node.paths.data, "spin"), "");
  await agent.log.until(/ERROR +store {2}gave no sign of life/);
  const acknowledged = lastAcknowledged(agent.log.text);
  if (!canStopThreads) {
    await agent.log.until(/the thread of "store" cannot be stopped[^]* ready: \d procedures/);
    assertRestartedInTime(agent.log.text, /gave no sign of life/);
  }
  await agent.log.until(/counts {2}acknowledged/, { after: agent.log.text.length });
  assertEquals((await agent.stop()).code, 0);
  const messages = node.messages();
  assertNoIdMissing(messages);
  for (const life of livesOf(valuesOf(messages, "number") as number[])) {
    assertEquals(life, life.map((_, index) => index + 1));
  }
  const [first] = livesOf(valuesOf(messages, "number") as number[]);
  assert(first!.length >= acknowledged, `${acknowledged} were acknowledged, ${first!.length} are there`);
});

Deno.test("a procedure that still sets up while the store restarts can store afterwards", async () => {
  await using node = new TestNode({
    program,
    procedures: { metronome: {}, sets_up_slowly: { seconds: 3 } },
    env: { IVY_TEST_STORE: "command" },
  });
  await using agent = node.run();
  await agent.log.until(/sets_up_slowly {2}setting up/);
  Deno.writeTextFileSync(join(node.paths.data, "crash"), "");
  await agent.log.until(/store {2}failed: the store was told to crash/);
  await node.untilMessages("its message", (messages) => valuesOf(messages, "is_set_up")[0]);
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("ivy status answers also while the store does not", async () => {
  await using node = new TestNode({
    program,
    procedures: { metronome: {} },
    env: { IVY_TEST_STORE: "command", IVY_TEST_STORE_WATCHDOG_MS: "60000" },
  });
  await using _agent = await node.run().ready();
  const spin = join(node.paths.data, "spin");
  Deno.writeTextFileSync(spin, "");
  await untilFiles(node.root, () => Promise.resolve(exists(spin) ? undefined : true), {
    deadlineMs: 10_000,
    what: "the spin",
  });
  const { code, stdout, tookMs } = await node.ivy("status");
  assertEquals(code, 0);
  assertMatch(stdout, /metronome +running[^]*the store does not answer/);
  assert(tookMs < 5000, `took ${tookMs} ms`);
});

/** Cuts a series of counts where the counter started again. */
function livesOf(numbers: number[]): number[][] {
  return numbers.reduce<number[][]>((lives, number) => {
    if (number === 1) lives.push([]);
    lives.at(-1)!.push(number);
    return lives;
  }, []);
}

function lastAcknowledged(log: string): number {
  return Number([...log.matchAll(/counts {2}acknowledged (\d+)/g)].at(-1)?.[1] ?? 0);
}

/** Fails when the beats have more than one gap, or one that is longer. */
function assertSteadyBut(beats: number[], gapMs: number, intervalMs = 500): void {
  const gaps = beats.slice(1).map((beat, index) => beat - beats[index]! - 1).filter((gap) => gap !== 0);
  const longest = gapMs === 0 ? [] : gaps.filter((gap) => gap > 0).slice(0, 1);
  assertEquals(gaps, longest, `${beats}`);
  assert((longest[0] ?? 0) * intervalMs <= gapMs, `no beat for ${longest[0]! * intervalMs} ms: ${beats}`);
}

/** Fails when it took too long from a line of the log until every procedure ran again. */
function assertRestartedInTime(log: string, detection: RegExp): void {
  const tookMs = timesOf(log, READY).at(-1)! - timesOf(log, detection)[0]!;
  assert(
    tookMs > 0 && tookMs <= restartLimitMs(log),
    `took ${tookMs} ms, allowed are ${restartLimitMs(log)}`,
  );
}

function restartLimitMs(log: string): number {
  const startMs = timesOf(log, READY)[0]! - timesOf(log, /^Ivy [\d.]+ starts/)[0]!;
  return Math.max(RESTART_LIMIT_MS, RESTART_LIMIT_STARTS * startMs);
}

const READY = /^ready: \d/;

/** When the log says so, in Unix milliseconds. */
function timesOf(log: string, pattern: RegExp): number[] {
  const entries = log.split("\n").flatMap((line) => parseEntry(line) ?? []);
  return entries.filter(({ subject }) => pattern.test(subject)).map(({ timeMs }) => timeMs);
}

async function startsWithDeno24(): Promise<boolean> {
  await using node = new TestNode({ program });
  const { stdout } = await node.ivy("info", "--json");
  return Number(JSON.parse(stdout).deno_version.split(".")[1]) < 7;
}
