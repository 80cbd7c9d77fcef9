// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { commands } from "../../src/cli/commands.ts";
import { offerFor } from "../../src/cli/completion_words.ts";
import completions from "../../src/cli/completions.ts";
import { shippedParts } from "../../src/agent/parts.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { version } from "../../src/shared/version.ts";

const FLAGS = ["--root", "--help", "--verbose"];
const names = commands.map(({ name }) => name);

/** A node with two backends and three days of log. */
async function nodeToComplete(): Promise<TestNode> {
  const node = new TestNode({ procedures: { random_walk: { seconds_between_datapoints: 1 } } });
  node.configure((config) => {
    config["backends"] = [{ provider: "mqtt", name: "roof" }, { provider: "tenta" }];
  });
  await Deno.mkdir(node.paths.logs, { recursive: true });
  for (const day of ["2026-11-20.log.gz", "2026-11-21.log", "2026-11-22.log"]) {
    Deno.writeTextFileSync(join(node.paths.logs, day), "");
  }
  return node;
}

/** What is offered for a line that ends where the cursor stands; `ROOT` stands for a node's root. */
const OFFERED: { line: string; words: string[]; shell?: string }[] = [
  { line: "", words: names },
  { line: "sta", words: ["start", "state", "status"] },
  { line: "xyz", words: [] },
  { line: "--ro", words: ["--root"] },
  { line: "config s", words: ["show", "schema"] },
  { line: "config validate x", words: [], shell: "file" },
  {
    line: "config show --root ROOT general.s",
    words: ["general.software_version", "general.system_identifier"],
  },
  {
    line: "config show --root ROOT backends[0",
    words: ["backends[0]", "backends[0].provider", "backends[0].name"],
  },
  { line: "config show general --root", words: ["--root"] },
  { line: "logs --le", words: ["--level"] },
  { line: "logs --level WAR", words: ["WARNING"] },
  { line: "logs --root ROOT --date ", words: ["2026-11-20", "2026-11-21", "2026-11-22"] },
  { line: "logs --root=ROOT --date 2026-11-22", words: ["2026-11-22"] },
  { line: "logs --root ROOT --origin r", words: ["random_walk", "roof"] },
  { line: "logs --", words: ["--follow", "--level", "--since", "--origin", "--date", ...FLAGS] },
  { line: "logs ", words: ["--follow", "--level", "--since", "--origin", "--date", ...FLAGS] },
  { line: "status --root da", words: [], shell: "folder" },
  { line: "help inf", words: ["info"] },
  { line: "completions ", words: ["bash", "zsh", "fish"] },
  { line: "messages parked ", words: ["list", "retry", "drop"] },
  { line: "messages parked retry --root ROOT --backend ", words: ["roof", "tenta"] },
  { line: "messages export --format ", words: ["jsonl", "csv"] },
  { line: "messages export -o ", words: [], shell: "file" },
  { line: "state wa", words: ["watch"] },
  { line: "--root /nowhere state watch ", words: ["--root", "--help", "--verbose", "--json"] },
  { line: "test --procedure ran", words: ["random_walk"] },
  { line: "test --procedure ", words: Object.keys(shippedParts.procedures) },
  { line: "update --root ROOT ", words: ["latest", version], shell: "file" },
  { line: "install --user ", words: [], shell: "user" },
  { line: "release sign ", words: [], shell: "folder" },
  { line: "release keygen ", words: [], shell: "file" },
  { line: "release ver", words: ["verify"] },
];

Deno.test("each line is completed", async (t) => {
  await using node = await nodeToComplete();
  const context = fakeContext(new FakeOutput(), {});
  for (const { line, words, shell } of OFFERED) {
    await t.step(line, async () => {
      const { candidates, shell: own } = await offerFor(
        line.replaceAll("ROOT", node.root).split(" "),
        context,
      );
      assertEquals(candidates.map(({ word }) => word).sort(), words.toSorted());
      assertEquals(own, shell);
    });
  }
});

Deno.test("the state's paths are those of the running agent", async () => {
  await using node = await nodeToComplete();
  node.configure(() => {});
  await using agent = await node.run().ready();
  const words = ["--root", node.root, "state", "watch", "system"];
  const { candidates } = await offerFor(words, fakeContext(new FakeOutput(), {}));
  const found = candidates.map(({ word }) => word);
  assertEquals([found.includes("system"), found.includes("system.load_5m")], [true, true], String(found));
  await agent.stop();
});

Deno.test("commands and flags come with what they do", async () => {
  const out = new FakeOutput();
  await completions(fakeContext(out, { args: ["fish", "statu"] }));
  assertEquals(out.lines, ["status\tshow whether the node is well: procedures, messages, memory"]);
  out.lines = [];
  await completions(fakeContext(out, { args: ["bash", "config", "validate", ""] }));
  assertEquals(out.lines, [":file"]);
});

/** A folder with some files, and an `ivy` on the PATH that runs these sources. */
class Desk implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-shell-" });

  constructor() {
    const main = fromFileUrl(new URL("../../main.ts", import.meta.url));
    const script = `#!/bin/sh\nexec '${Deno.execPath()}' run --quiet --allow-all '${main}' "$@"\n`;
    Deno.mkdirSync(join(this.folder, "bin"));
    Deno.writeTextFileSync(join(this.folder, "bin", "ivy"), script, { mode: 0o755 });
    Deno.mkdirSync(join(this.folder, "data"));
    Deno.writeTextFileSync(join(this.folder, "data.json"), "");
  }

  async run(program: string, args: string[]): Promise<string[]> {
    const { stdout, stderr, success } = await new Deno.Command(program, {
      args,
      cwd: this.folder,
      env: { PATH: `${join(this.folder, "bin")}:${Deno.env.get("PATH")}`, HOME: this.folder, TERM: "dumb" },
      signal: AbortSignal.timeout(60_000),
      stdin: "null",
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).split("\n").filter((word) => word !== "");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** Each shell's way to say what it would offer for a line. */
const SHELLS: Record<string, (desk: Desk, line: string) => Promise<string[]>> = {
  bash(desk, line) {
    const words = line.split(" ");
    const script = `source <(ivy completions bash)
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_ivy; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return desk.run("bash", ["--norc", "-c", script]);
  },
  /** In a terminal of its own, with a Tab; what zsh's completion finds to fit is written down on the way. */
  async zsh(desk, line) {
    const found = join(desk.folder, "found");
    const script = `zmodload zsh/zpty; zpty z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u; source <(ivy completions zsh)
compadd() { local -a fit; builtin compadd -O fit "$@"; print -rl -- $fit >>${found}; builtin compadd "$@" }
_test() { _ivy; print EN""D }; compdef _test ivy; bindkey "^I" complete-word; PROMPT=; print BEGI""N'
zpty -r z text '*BEGIN*'; zpty -n -w z $'${line}\\t'; zpty -r z text '*END*'; zpty -d z`;
    await desk.run("zsh", ["-f", "-c", script]);
    const words = Deno.readTextFileSync(found).split("\n").filter((word) => word !== "");
    Deno.removeSync(found);
    return words;
  },
  async fish(desk, line) {
    const offered = await desk.run("fish", ["-c", `ivy completions fish | source; complete -C '${line}'`]);
    return offered.map((word) => word.split("\t")[0]!);
  },
};

const REAL: { line: string; words: string[] }[] = [
  { line: "ivy sta", words: ["start", "state", "status"] },
  { line: "ivy logs --level ", words: ["DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION"] },
  { line: "ivy test --procedure ran", words: ["random_walk"] },
  { line: "ivy messages replay --root ROOT --backend ", words: ["roof", "tenta"] },
  {
    line: "ivy config show --root ROOT general.s",
    words: ["general.software_version", "general.system_identifier"],
  },
  { line: "ivy status --root da", words: ["data"] },
  { line: "ivy config validate da", words: ["data", "data.json"] },
];

const MISSING: Record<string, string | undefined> = { zsh: needs("zsh"), fish: needs("fish") };

for (const [shell, complete] of Object.entries(SHELLS)) {
  Deno.test({
    name: `real ${shell} completes commands, values, what the node has, and files`,
    ignore: MISSING[shell] !== undefined,
    async fn(t) {
      using desk = new Desk();
      await using node = await nodeToComplete();
      for (const { line, words } of REAL) {
        await t.step(line, async () => {
          const offered = await complete(desk, line.replaceAll("ROOT", node.root));
          assertEquals([...new Set(offered.map((word) => word.replace(/\/$/, "")))].sort(), words.toSorted());
        });
      }
    },
  });
}

Deno.test("a home folder may stand as ~ before the program", async () => {
  using desk = new Desk();
  const script =
    `source <(ivy completions bash); COMP_WORDS=('~/bin/ivy' 'statu'); COMP_CWORD=1; _ivy; echo "$COMPREPLY"`;
  assertEquals(await desk.run("bash", ["--norc", "-c", script]), ["status"]);
  assertStringIncludes((await desk.run("ivy", ["completions", "zsh"]))[0]!, "#compdef ivy");
});
