// Runs in: tests.
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CommandError, EXIT } from "../../src/agent/errors.ts";
import type { Command } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import help, { printHelp } from "../../src/cli/help.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";

const SCAN: Command = {
  name: "scan",
  summary: "look for sensors",
  flags: [{ name: "limit", short: "n", value: "COUNT", summary: "at most so many" }],
  examples: [["ivy scan -n 3", "the first three"]],
  load: () => Promise.reject(new Error("not needed for its help")),
};

Deno.test("the help of a command that a fork adds is made from its row", () => {
  const out = new FakeOutput();
  printHelp(out, [...commands, SCAN], SCAN);
  const text = out.lines.join("\n");
  assertMatch(text, /^ivy scan: look for sensors\n\nUsage: ivy scan \[FLAGS\]\n\n/);
  assertMatch(text, /\n {2}-n, --limit COUNT {2}at most so many\n/);
  assertMatch(text, /\n {6}--root DIR {5}the node's folder/);
  assertMatch(text, /Examples:\n {2}ivy scan -n 3\n {6}the first three$/);
});

Deno.test("the overview has it, too, in columns", () => {
  const out = new FakeOutput();
  printHelp(out, [...commands, SCAN], undefined);
  const rows = out.lines.filter((line) => /^ {2}\w/.test(line));
  assertEquals(rows.length, commands.length + 1);
  assertEquals(rows.at(-1)!.trim().split(/ {2,}/), ["scan", "look for sensors"]);
  assertEquals(
    new Set(rows.map((row) => row.search(/(?<=\S {2,})\S/))).size,
    1,
    "the summaries are not aligned",
  );
});

Deno.test("ivy help COMMAND is that command's help", async () => {
  const out = new FakeOutput();
  assertEquals(await help(fakeContext(out, { args: ["logs"] })), EXIT.done);
  assertMatch(out.lines[0]!, /^ivy logs: /);
  assertThrows(
    () => help(fakeContext(out, { args: ["lgos"] })),
    CommandError,
    'no command "lgos" (did you mean "logs"?)',
  );
});
