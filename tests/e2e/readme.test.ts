// Runs in: tests.
import { assert, assertEquals, fail } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { commands } from "../../src/cli/commands.ts";
import { isCompiled, type Program } from "../support/program.ts";
import { TestNode } from "../support/node.ts";

const PROJECT = fromFileUrl(new URL("../../", import.meta.url));
const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));

/** The first code block of a language that follows some words of the README. */
function blockAfter(words: string, language: string): string {
  const start = readme.indexOf(words);
  assert(start >= 0, `the README no longer says: ${words}`);
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\n\`\`\``).exec(readme.slice(start));
  return found?.[1] ?? fail(`no ${language} block after: ${words}`);
}

/** A copy of the project with the README's procedure pasted in as written. */
async function projectWithExample(folder: string): Promise<Program> {
  for (
    const name of ["deno.json", "deno.lock", "main.ts", "src", "procedures", "config", "tests/acceptance"]
  ) {
    await new Deno.Command("cp", { args: ["-r", "--parents", name, folder], cwd: PROJECT }).output();
  }
  await Deno.writeTextFile(join(folder, "procedures/thermometer.ts"), blockAfter("Save this as", "ts"));
  const registry = join(folder, "procedures/registry.ts");
  const text = await Deno.readTextFile(registry);
  const end = text.lastIndexOf("};");
  const line = blockAfter("Add its line to", "ts");
  await Deno.writeTextFile(registry, `${text.slice(0, end)}${line}\n${text.slice(end)}`);
  return [Deno.execPath(), "run", "--quiet", "--allow-all", join(folder, "main.ts")];
}

Deno.test({
  name: "the five-minute procedure of the README measures when it is pasted as written",
  ignore: isCompiled, // it adds a source file
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "ivy-readme-" });
    try {
      const program = await projectWithExample(folder);
      await using node = new TestNode({ program, procedures: {} });
      const settings = JSON.parse(`{${blockAfter("and its settings to the configuration", "json")}}`);
      node.configure((config) => config.procedures = settings);
      assertEquals((await node.ivy("config", "validate")).code, 0);
      await using agent = node.run("--messages");
      await agent.output.until(/thermometer {2}temperature_c=2\d/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("the README names every command", () => {
  const missing = commands.map(({ name }) => name).filter((name) =>
    !new RegExp(`\\b${name}\\b`).test(readme)
  );
  assertEquals(missing, []);
});
