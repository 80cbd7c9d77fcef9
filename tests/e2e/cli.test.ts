// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commands } from "../../src/cli/commands.ts";
import { GrowingText } from "../support/growing_text.ts";
import { runIvy, TestNode } from "../support/node.ts";
import { shippedIvy } from "../support/program.ts";
import { until } from "../support/until.ts";

const ivy = (...args: string[]) => runIvy(shippedIvy(), args);

/** Command lines that are wrong, each with the one sentence that says how. All end with 2. */
const WRONG: { line: string; sentence: string }[] = [
  { line: "rnu", sentence: 'there is no command "rnu" (did you mean "run"?); see: ivy help' },
  { line: "frobnicate", sentence: 'there is no command "frobnicate"; see: ivy help' },
  { line: "help staus", sentence: 'there is no command "staus" (did you mean "status"?); see: ivy help' },
  {
    line: "run --mesages",
    sentence: 'run: there is no flag "--mesages" (did you mean "--messages"?); see: ivy help run',
  },
  { line: "status -x", sentence: 'status: there is no flag "-x"; see: ivy help status' },
  { line: "status --root", sentence: "status: --root needs a value (DIR); see: ivy help status" },
  { line: "logs --level --follow", sentence: "logs: --level needs a value (LEVEL); see: ivy help logs" },
  { line: "logs --level LOUD", sentence: "--level LOUD: expected DEBUG, INFO, WARNING, ERROR, EXCEPTION" },
  {
    line: "logs --level warn",
    sentence: '--level warn: expected DEBUG, INFO, WARNING, ERROR, EXCEPTION (did you mean "WARNING"?)',
  },
  {
    line: "logs --since yesterday",
    sentence: "--since yesterday: expected 90s, 30m, 2h, 7d or 2026-11-22T12:00 (UTC)",
  },
  { line: "stop now", sentence: 'stop: "now" is one word too many; see: ivy help stop' },
  { line: "config", sentence: "config: expected validate, show, schema, accept; see: ivy help config" },
  {
    line: "config shwo",
    sentence:
      'config: expected validate, show, schema, accept, not "shwo" (did you mean "show"?); see: ivy help config',
  },
  {
    line: "config schema file",
    sentence: 'config schema: "file" is one word too many; see: ivy help config',
  },
  { line: "completions ksh", sentence: 'completions: expected bash, zsh, fish, not "ksh" (did you mean' },
];

Deno.test("a wrong command line: one sentence on stderr, nothing on stdout, status 2", async (t) => {
  for (const { line, sentence } of WRONG) {
    await t.step(line, async () => {
      const { code, stdout, stderr } = await ivy(...line.split(" "));
      assertEquals([code, stdout], [2, ""]);
      assert(stderr.startsWith(`ivy: ${sentence}`), stderr);
      assertEquals(stderr.trimEnd().split("\n").length, 1);
    });
  }
});

Deno.test("a stack trace is shown with --verbose only", async () => {
  const { stderr } = await ivy("status", "--nope", "--verbose");
  assertMatch(stderr, /^ivy: status: there is no flag "--nope"; .*\n(.*\n)* {4}at /);
});

Deno.test("ivy alone, ivy help and ivy --help list every command", async () => {
  const [alone, help, flag] = await Promise.all([ivy(), ivy("help"), ivy("--help")]);
  assertEquals([alone.code, help.code, flag.code], [0, 0, 0]);
  assertEquals(alone.stdout, help.stdout);
  for (const { name, summary } of commands) {
    assertMatch(help.stdout, new RegExp(`^ {2}${name} +${RegExp.escape(summary)}$`, "m"));
  }
  assertStringIncludes(help.stdout, "75 already running");
});

Deno.test("every command has --help with its usage and an example", async (t) => {
  for (const { name } of commands) {
    await t.step(name, async () => {
      const { code, stdout } = await ivy(name, "--help");
      assertEquals(code, 0);
      assertMatch(stdout, new RegExp(`^ivy ${name}: .*\n\nUsage: ivy ${name} `));
      assertMatch(stdout, new RegExp(`Examples:\n  (sudo )?ivy ${name}`));
      assertMatch(stdout, /--root DIR {2}/);
    });
  }
});

Deno.test("output is coloured on a terminal only, and not where NO_COLOR is set", async () => {
  await using node = new TestNode({ procedures: {} });
  await using _agent = await node.run().ready();
  await until("the store to run, too", async () => (await node.status()).verdict.well);
  const [program, ...args] = shippedIvy();
  const line = [program, ...args, "status", "--root", node.root].map((word) => `'${word}'`).join(" ");
  const onTerminal = async (env: Record<string, string>) => {
    const { stdout } = await new Deno.Command("script", {
      args: ["-qec", line, "/dev/null"],
      env,
      stdin: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  };
  assertStringIncludes(await onTerminal({ NO_COLOR: "", TERM: "xterm" }), "\x1b[32mwell\x1b[39m");
  const plain = await onTerminal({ NO_COLOR: "1", TERM: "xterm" });
  assert(plain.startsWith("well "), plain);
  assertEquals((await node.ivy("status")).stdout.includes("\x1b"), false);
});

Deno.test("ivy logs -f shows new lines until it is ended, or until nobody reads them", async () => {
  await using node = new TestNode({ procedures: {} });
  await using agent = await node.run().ready();
  const [program, ...args] = shippedIvy();
  const words = [...args, "logs", "-f", "--root", node.root];
  await using follower = new Deno.Command(program, {
    args: words,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const shown = new GrowingText(follower.stdout);
  await shown.until(/agent {2}ready: 0 procedures/);
  await using pipeline = new Deno.Command("sh", {
    args: ["-c", '"$@" | head -n 1', "sh", program, ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const head = new GrowingText(pipeline.stdout);
  const errors = new GrowingText(pipeline.stderr);
  await head.until(/\n/);
  await Promise.all([agent.stop(), shown.until(/agent {2}stopping: SIGTERM/)]);
  await Promise.all([head.ended, errors.ended]);
  assertMatch(head.text, /^\S+Z INFO +agent {2}Ivy [\d.]+ starts\n$/);
  assertEquals(errors.text, "");
});
