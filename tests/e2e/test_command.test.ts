// Runs in: tests.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { requestAgent } from "../../src/agent/control_client.ts";
import { valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { assertQuick } from "../support/quick.ts";
import { assertSteady, beatsOf } from "../support/steady.ts";

/** A node whose equipment is a file: who finds it taken, fails. */
async function nodeWithEquipment(settings: Record<string, unknown> = {}): Promise<TestNode> {
  const node = new TestNode({ program: await misbehavingIvy(), procedures: {}, covered: true });
  const folder = join(node.root, "equipment");
  node.configure(({ procedures }) => {
    procedures["metronome"] = { enabled: true };
    procedures["holds_equipment"] = { enabled: true, folder, ...settings };
  });
  Deno.mkdirSync(folder);
  return node;
}

Deno.test("ivy test prints one line per test with its time, and ends with 0 when all is well", async () => {
  await using node = new TestNode();
  await node.ivy("init");
  const { code, stdout, stderr } = await node.ivy("test");
  assertEquals(code, 0, stdout + stderr);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.replace(/\d+ ms/, "n ms")), [
    "✓ the configuration is valid (n ms)",
    "✓ the root can be written to (n ms)",
    "✓ the root's disk has space (n ms)",
    "✓ procedure system_checks boots in its sandbox and passes its self-test (n ms)",
    "✓ procedure random_walk boots in its sandbox and passes its self-test (n ms)",
    "✓ the store can write in its sandbox (n ms)",
    "6 passed, 0 failed",
  ]);
});

Deno.test("ivy test --config judges another configuration, shows every fault, and ends with 1", async () => {
  await using node = new TestNode();
  await node.ivy("init");
  const file = join(node.root, "next.json");
  Deno.writeTextFileSync(
    file,
    Deno.readTextFileSync(node.paths.configFile)
      .replace('"seconds_between_checks": 60', '"seconds_between_checks": 0')
      .replace('"seconds_between_datapoints": 10', '"seconds_between_datapoint": 10'),
  );
  const { code, stdout } = await node.ivy("test", "--config", file);
  assertEquals(code, 1);
  assertMatch(stdout, /^✗ the configuration is valid \(\d+ ms\)\n/);
  assertStringIncludes(
    stdout,
    "    procedures.system_checks.seconds_between_checks: expected an integer from 1",
  );
  assertStringIncludes(
    stdout,
    '    procedures.random_walk: unknown key "seconds_between_datapoint" (did you mean',
  );
  assertMatch(stdout, /\n3 passed, 1 failed\n$/);
});

Deno.test("ivy test ends with 1 and the reason when a self-test fails or a procedure does not boot", async () => {
  await using node = await nodeWithEquipment({ broken: true });
  const before = Deno.readTextFileSync(node.paths.configFile);
  const config = JSON.parse(before);
  config.procedures.throws_on_loading = { enabled: true };
  node.writeConfig(JSON.stringify(config));
  const { code, stdout } = await node.ivy("test");
  assertEquals(code, 1);
  assertMatch(
    stdout,
    /✗ the configuration is valid .*\n {4}procedures\.throws_on_loading: broken while loading\n/,
  );
  node.writeConfig(before);
  await node.ivy("init");
  const again = await node.ivy("test");
  assertEquals(again.code, 1);
  assertMatch(
    again.stdout,
    /✗ procedure holds_equipment .*\n {4}procedures\.holds_equipment: its self-test failed: the pump does not turn\n/,
  );
  assertMatch(again.stdout, /\n5 passed, 1 failed\n$/);
});

Deno.test("during its self-test, and only then, a procedure of the running agent lets go of its equipment", async () => {
  await using node = await nodeWithEquipment();
  await using agent = await node.run().ready();
  const equipment = join(node.root, "equipment", "equipment");
  assertEquals(Deno.readTextFileSync(equipment), "held");

  const tests = await Promise.all([1, 2, 3].map(() => node.ivy("test", "--procedure", "holds_equipment")));
  for (const { code, stdout, stderr } of tests) {
    assertEquals([code, stdout], [0, "holds_equipment is well\n"], stderr);
  }
  await agent.log.until(/(resuming holds_equipment[^]*){3}/);
  assertEquals(agent.log.text.match(/ pausing \w+/g), Array(3).fill(" pausing holds_equipment"));
  const before = valuesOf(node.messages(), "equipment").length;
  await node.untilMessages("work to go on", (messages) => valuesOf(messages, "equipment")[before]);
  const { procedures } = await node.status();
  assertEquals(procedures["holds_equipment"]!.last_error, null);
  assertEquals(procedures["holds_equipment"]!.state, "running");
  await node.untilMessages("the metronome's second beat", (messages) => beatsOf(messages)[1]);
  assertEquals((await agent.stop()).code, 0);
  assertSteady(beatsOf(node.messages()));
});

Deno.test("who hangs up while waiting for the equipment does not keep it", async () => {
  await using node = await nodeWithEquipment();
  await using agent = await node.run().ready();
  const [holder, quitter] = [new AbortController(), new AbortController()];
  const pause = (signal: AbortSignal) =>
    requestAgent(node.paths.socket, "POST", "/v1/pause_procedure?name=holds_equipment", { signal });
  const held = await pause(holder.signal);
  const waiting = pause(quitter.signal).catch((error: Error) => error.name);
  await agent.log.until(/pausing holds_equipment[^]*pausing holds_equipment/);
  quitter.abort();
  assertEquals(await waiting, "AbortError");
  holder.abort();
  await held?.body?.cancel().catch(() => {});
  await agent.log.until(/(resuming holds_equipment[^]*){2}/);
  const { code, stdout } = await node.ivy("test", "--procedure", "holds_equipment");
  assertEquals(code, 0, stdout);
  await agent.log.until(/(resuming holds_equipment[^]*){3}/);
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("ivy stop does not wait for a self-test that has paused a procedure", async () => {
  await using node = await nodeWithEquipment();
  await using agent = await node.run().ready();
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: node.paths.socket } });
  const asker = await fetch("http://ivy/v1/pause_procedure?name=holds_equipment", { method: "POST", client });
  await agent.log.until(/pausing holds_equipment/);
  const { tookMs: lookMs } = await node.ivy("status");
  const { code, tookMs } = await agent.stop();
  assertEquals(code, 0);
  assertQuick(tookMs, lookMs);
  await asker.body?.cancel().catch(() => {});
  client.close();
});

Deno.test("ivy test of a procedure that there is not names the nearest", async () => {
  await using node = new TestNode();
  const { code, stderr } = await node.ivy("test", "--procedure", "random_wlk");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    'ivy: there is no procedure "random_wlk" (did you mean "random_walk"?); there are system_checks, random_walk\n',
  );
});
