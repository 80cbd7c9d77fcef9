// Runs in: tests.
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CommandError, EXIT } from "../../src/agent/errors.ts";
import type { Command, CommandContext } from "../../src/cli/command.ts";
import { parseWords, runCommandLine } from "../../src/cli/command_line.ts";
import { commands } from "../../src/cli/commands.ts";

const SCAN: Command = {
  name: "scan",
  summary: "look for sensors",
  args: "[BUS]",
  maxArgs: 1,
  flags: [
    { name: "deep", short: "d", summary: "look twice" },
    { name: "limit", short: "n", value: "COUNT", summary: "at most so many" },
  ],
  examples: [["ivy scan --deep", "find all"]],
  load: () => Promise.resolve({ default: () => Promise.resolve(EXIT.done) }),
};

const PARSED: { words: string; flags: Record<string, unknown>; args?: string[] }[] = [
  { words: "", flags: { deep: false, limit: undefined } },
  { words: "--deep i2c", flags: { deep: true }, args: ["i2c"] },
  { words: "-d -n 5", flags: { deep: true, limit: "5" } },
  { words: "--limit=5 --root=/data", flags: { limit: "5", root: "/data" } },
  { words: "--limit 5 42", flags: { limit: "5" }, args: ["42"] },
  { words: "-- --deep", flags: { deep: false }, args: ["--deep"] },
  { words: "-h", flags: { help: true } },
];

for (const { words, flags, args = [] } of PARSED) {
  Deno.test(`the words of a command are taken apart by its row of the table: scan ${words}`, () => {
    const parsed = parseWords(SCAN, words === "" ? [] : words.split(" "));
    assertEquals({ ...parsed.flags, ...flags }, parsed.flags);
    assertEquals(parsed.args, args);
  });
}

const REFUSED: { words: string; sentence: string }[] = [
  {
    words: "--depe",
    sentence: 'scan: there is no flag "--depe" (did you mean "--deep"?); see: ivy help scan',
  },
  { words: "-x", sentence: 'scan: there is no flag "-x"; see: ivy help scan' },
  {
    words: "--verbos=1",
    sentence: 'scan: there is no flag "--verbos=1" (did you mean "--verbose"?); see: ivy help scan',
  },
  { words: "--limit", sentence: "scan: --limit needs a value (COUNT); see: ivy help scan" },
  { words: "--limit --deep", sentence: "scan: --limit needs a value (COUNT); see: ivy help scan" },
  { words: "a b", sentence: 'scan: "b" is one word too many; see: ivy help scan' },
];

for (const { words, sentence } of REFUSED) {
  Deno.test(`wrong words end with 2 and one sentence: scan ${words}`, () => {
    const error = assertThrows(() => parseWords(SCAN, words.split(" ")), CommandError);
    assertEquals([error.message, error.exitStatus], [sentence, EXIT.wrongUsage]);
  });
}

Deno.test("a fork's command runs like the others, with what it needs", async () => {
  let context: CommandContext | undefined;
  const load = () =>
    Promise.resolve({
      default: (given: CommandContext) => {
        context = given;
        return Promise.resolve(EXIT.failed);
      },
    });
  const table = [...commands, { ...SCAN, load }];
  assertEquals(
    await runCommandLine(["--root", "/data", "scan", "i2c", "-d"], { commands: table }),
    EXIT.failed,
  );
  assertEquals([context!.flags["deep"], context!.args, context!.root], [true, ["i2c"], "/data"]);
  assertEquals(context!.commands, table);
});

Deno.test("every row of the table is complete: words that may stand, examples, a file that loads", async () => {
  for (const { name, summary, examples, flags = [], load } of commands) {
    assertEquals(summary.endsWith("."), false, name);
    for (const [line] of examples) assertStringIncludes(line, `ivy ${name}`);
    assertEquals(new Set(flags.map((flag) => flag.name)).size, flags.length);
    assertEquals(typeof (await load()).default, "function");
  }
  assertEquals(new Set(commands.map(({ name }) => name)).size, commands.length);
});
