// Runs in: tests.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { messageDays } from "../../src/shared/message_files.ts";
import { TestNode } from "../support/node.ts";
import { bodyOf, NOON_MS, TestStore } from "../support/test_store.ts";

const DAY_MS = 86_400_000;
/** What a spreadsheet must read back as it was: separators, quotes, lines, words that look like numbers. */
const AWKWARD = 'a, "b"\nc; 007';

/** A node whose store has two days: ids 1 and 2 on the first, 3 to 6 on the second; "near" has sent 1 and 2 and parked 3. */
async function nodeWithMessages(): Promise<TestNode> {
  const node = new TestNode({ covered: true, procedures: {} });
  node.configure((config) => config.logging_verbosity.message_sending = null);
  const test = new TestStore({ directory: node.paths.data, backends: ["near", "far"] });
  Deno.mkdirSync(node.paths.data, { recursive: true });
  await test.open();
  await test.send("data", "first", AWKWARD);
  test.store.lease("near", 10, 1e6);
  await test.acknowledge("near", [1, 2]);
  await test.store.close();
  test.nowMs += DAY_MS;
  await test.open();
  await test.send("data", "third");
  await test.send("log", "something went wrong");
  await test.send("config", "new");
  await test.send("data", "sixth");
  const leased = () => test.store.lease("near", 10, 1e6).some(({ id }) => id === 3);
  while (!leased()); // what is not measurements comes first
  await test.park("near", 3, "larger than the server takes");
  await test.store.settled();
  await test.store.close();
  return node;
}

Deno.test("ivy messages tail: the newest, over days, for people and as lines", async () => {
  await using node = await nodeWithMessages();
  const { code, stdout } = await node.ivy("messages", "tail", "-n", "4");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, "")), [
    "#3 text=third",
    "#4 INFO: something went wrong",
    "#5 configuration received",
    "#6 text=sixth",
    "",
  ]);
  const lines = (await node.ivy("messages", "tail", "--json")).stdout.trim().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).id), [1, 2, 3, 4, 5, 6]);
  assertEquals((await node.ivy("messages", "tail", "-n", "0")).stdout, "");
  const wrong = await node.ivy("messages", "tail", "-n", "many");
  assertEquals([wrong.code, wrong.stderr], [2, "ivy: --number many: expected a whole number\n"]);
});

Deno.test("ivy messages stats: what each backend has accepted is the sum of what became of it", async () => {
  await using node = await nodeWithMessages();
  const { backends, stored } = JSON.parse((await node.ivy("messages", "stats", "--json")).stdout);
  assertEquals(stored, { data: 4, log: 1, config: 1 });
  const { accepted, acknowledged, waiting, parked, dropped } = backends.near.data;
  assertEquals([accepted, acknowledged, waiting, parked, dropped], [4, 2, 1, 1, 0]);
  const { stdout } = await node.ivy("messages", "stats");
  assertMatch(stdout, /data: 4 stored/);
  assertMatch(stdout, /near +data +4 +2 +1 +1 +0 +\d/);
  assertMatch(stdout, /far +config +1 +0 +1 +0 +0 +\d/);
});

Deno.test("ivy messages export: lines or CSV that reads back as it was, by time, variant and keys, to a file or stdout", async () => {
  await using node = await nodeWithMessages();
  const all = (await node.ivy("messages", "export")).stdout.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(all.map(({ id }) => id), [1, 2, 3, 4, 5, 6]);
  assertEquals(all[1], {
    id: 2,
    timestamp: NOON_MS / 1000,
    message_body: JSON.parse(bodyOf("data", AWKWARD)),
  });
  const later = await node.ivy("messages", "export", "--from", "2026-06-16", "--variant", "log");
  assertEquals(JSON.parse(later.stdout).id, 4);
  const keys = (await node.ivy("messages", "export", "--to", "2026-06-16", "--keys", "text,other")).stdout;
  assertEquals(keys.trim().split("\n").map((line) => JSON.parse(line).message_body.data), [
    { text: "first" },
    { text: AWKWARD },
  ]);

  const file = join(node.root, "out.csv");
  const { code, stdout } = await node.ivy("messages", "export", "--format", "csv", "-o", file);
  assertEquals([code, stdout], [0, ""]);
  const [first, second] = [NOON_MS / 1000, (NOON_MS + DAY_MS) / 1000];
  assertEquals(
    Deno.readTextFileSync(file),
    `id,timestamp,text\r\n1,${first},first\r\n2,${first},"a, ""b""\nc; 007"\r\n3,${second},third\r\n6,${second},sixth\r\n`,
  );
  const logs = (await node.ivy("messages", "export", "--format", "csv", "--variant", "log")).stdout;
  assertEquals(logs, `id,timestamp,level,subject,body\r\n4,${second},INFO,something went wrong,\r\n`);
  const chosen = (await node.ivy("messages", "export", "--format", "csv", "--keys", "none, text")).stdout;
  assertStringIncludes(chosen, `id,timestamp,none,text\r\n1,${first},,first\r\n`);
});

Deno.test("ivy messages export refuses what it does not understand, and skips damaged lines with one note", async () => {
  await using node = await nodeWithMessages();
  const wrong = await node.ivy("messages", "export", "--format", "cvs");
  assertEquals([wrong.code, wrong.stderr], [
    2,
    'ivy: --format cvs: expected jsonl or csv (did you mean "csv"?)\n',
  ]);
  const variant = await node.ivy("messages", "export", "--variant", "logs");
  assertEquals(variant.code, 2);
  const day = messageDays(node.paths.messages).at(-1)!;
  Deno.writeTextFileSync(join(node.paths.messages, `${day}.jsonl`), "noise\n", { append: true });
  const { stdout, stderr } = await node.ivy("messages", "export", "--format", "csv");
  assertEquals([stdout.split("\r\n").length, stderr], [6, "ivy: 1 damaged lines were skipped\n"]);
});

Deno.test("ivy messages parked: says what is parked and why; tries it again, or gives it up", async () => {
  await using node = await nodeWithMessages();
  const list = async () => (await node.ivy("messages", "parked", "list", "--json")).stdout;
  assertMatch(
    (await node.ivy("messages", "parked")).stdout,
    /near +#3 +data +2026-06-16\S+ +larger than the server takes/,
  );
  assertEquals(JSON.parse(await list()).id, 3);
  const nobody = await node.ivy("messages", "parked", "list", "--backend", "far");
  assertEquals(nobody.stdout, "nothing is parked\n");
  const retried = await node.ivy("messages", "parked", "retry", "--backend", "near", "#3");
  assertEquals(retried.stdout, '1 messages of "near" wait again\n');
  assertEquals(await list(), "");
  const { backends } = JSON.parse((await node.ivy("messages", "stats", "--json")).stdout);
  assertEquals([backends.near.data.waiting, backends.near.data.parked], [2, 0]);
  const dropped = await node.ivy("messages", "parked", "drop", "--backend", "near");
  assertEquals(dropped.stdout, '0 messages of "near" were given up\n');
  for (
    const [args, complaint] of [
      [["retyr"], 'messages parked: expected list, retry, drop, not "retyr" (did you mean "retry"?)'],
      [["retry"], "messages parked retry needs --backend NAME"],
      [["retry", "x", "--backend", "near"], '"x" is not the number of a message'],
    ] as const
  ) {
    const { code, stderr } = await node.ivy("messages", "parked", ...args);
    assertEquals([code, stderr], [2, `ivy: ${complaint}\n`]);
  }
});

Deno.test("ivy messages replay: what a backend has is sent to it again", async () => {
  await using node = await nodeWithMessages();
  const { code, stdout } = await node.ivy(
    ...["messages", "replay", "--backend", "near", "--from", "2026-06-15", "--to", "2026-06-16"],
  );
  assertEquals(
    [code, stdout],
    [
      0,
      'messages from 2026-06-15T00:00:00.000Z to before 2026-06-16T00:00:00.000Z will be sent to "near" again\n',
    ],
  );
  const unknown = await node.ivy("messages", "replay", "--backend", "nearer", "--from", "2026-06-15");
  assertEquals(unknown.code, 1);
  assertStringIncludes(unknown.stderr, "nearer");
  const { code: usage, stderr } = await node.ivy("messages", "replay");
  assertEquals(usage, 2);
  assertStringIncludes(stderr, "needs --backend NAME and --from TIME");
});

Deno.test("ivy messages speaks with the running agent, and follows what it stores", async () => {
  await using node = new TestNode({
    procedures: { random_walk: { seconds_between_datapoints: 1 } },
    covered: true,
  });
  await using agent = await node.run().ready();
  await node.untilMessages(
    "a measurement",
    (messages) => messages.find(({ message_body }) => message_body.variant === "data"),
  );
  const { stored } = JSON.parse((await node.ivy("messages", "stats", "--json")).stdout);
  assertEquals(stored.data >= 1, true);
  const csv = await node.ivy("messages", "export", "--format", "csv");
  assertMatch(csv.stdout, /^id,timestamp,random_value\r\n\d+,\d/);
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("ivy messages where there is no node says how to make one", async () => {
  await using node = new TestNode();
  const { code, stderr } = await node.ivy("messages", "stats");
  assertEquals([code, stderr], [
    1,
    `ivy: there is no node at ${node.root}; create one with: ivy init --root ${node.root}\n`,
  ]);
});
