// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { commands } from "../../src/cli/commands.ts";
import completions from "../../src/cli/completions.ts";
import { fakeContext, FakeOutput } from "../support/fake_output.ts";

async function scriptFor(shell: string): Promise<string> {
  const out = new FakeOutput();
  await completions(fakeContext(out, { args: [shell] }));
  return out.lines.join("\n");
}

/** What bash offers for a line that ends where the cursor stands. */
async function offered(line: string, cwd?: string): Promise<string[]> {
  const words = line.split(" ");
  const script = `${await scriptFor("bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
_ivy; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, success } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script],
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
  return new TextDecoder().decode(stdout).split("\n").filter((word) => word !== "");
}

const OFFERED: { line: string; words: string[] }[] = [
  { line: "ivy ", words: commands.map(({ name }) => name) },
  { line: "ivy sta", words: ["start", "state", "status"] },
  { line: "ivy xyz", words: [] },
  { line: "ivy config s", words: ["show", "schema"] },
  { line: "ivy logs --le", words: ["--level"] },
  {
    line: "ivy logs --",
    words: ["--follow", "--level", "--since", "--origin", "--date", "--root", "--help", "--verbose"],
  },
  { line: "ivy help inf", words: ["info"] },
  { line: "ivy completions ", words: ["bash", "zsh", "fish", "--root", "--help", "--verbose"] },
];

for (const { line, words } of OFFERED) {
  Deno.test(`bash completes "${line}"`, async () =>
    assertEquals((await offered(line)).sort(), words.toSorted()));
}

Deno.test("bash completes folders after --root, and files after config validate", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.mkdirSync(`${folder}/data`);
  Deno.writeTextFileSync(`${folder}/data.json`, "");
  assertEquals(await offered("ivy status --root da", folder), ["data"]);
  assertEquals((await offered("ivy config validate da", folder)).sort(), ["data", "data.json"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("zsh and fish know every command and every flag", async () => {
  const [zsh, fish] = [await scriptFor("zsh"), await scriptFor("fish")];
  for (const { name, flags = [] } of commands) {
    assertMatch(zsh, new RegExp(`'${name}:`));
    assertMatch(fish, new RegExp(`-a ${name} -d '`));
    for (const flag of flags) {
      assertMatch(zsh, new RegExp(`${name}\\) compadd -- .*--${flag.name}`));
      assertMatch(fish, new RegExp(`seen_subcommand_from ${name}' -l ${flag.name}\\b`));
    }
  }
  assertEquals(zsh.split("'").length % 2, 1, "a quote is open");
});
