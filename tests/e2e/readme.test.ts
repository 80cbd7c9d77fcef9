// Runs in: tests.
import { assert, assertEquals, fail } from "@std/assert";
import { dirname, join } from "@std/path";
import { parseWords } from "../../src/cli/command_line.ts";
import { commands } from "../../src/cli/commands.ts";
import settings from "../../deno.json" with { type: "json" };
import { DOCUMENTS, PROJECT } from "../support/documents.ts";

const tasks: Record<string, unknown> = settings.tasks;
const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));

Deno.test("the README names every command", () => {
  const missing = commands.map(({ name }) => name).filter((name) =>
    !new RegExp(`\\b${name}\\b`).test(readme)
  );
  assertEquals(missing, []);
});

Deno.test("commands that the documents name in passing exist, with their flags", () => {
  const texts = DOCUMENTS.map((document) => Deno.readTextFileSync(join(PROJECT, document)));
  const named = texts.flatMap((text) => [...text.matchAll(/`(?:sudo )?(ivy|deno task) ([^`]+)`/g)]);
  assert(named.length > 30);
  for (const [whole, program, rest] of named) {
    const [name, ...words] = rest!.replaceAll(/[[\]]/g, "").replaceAll(/\\?\|\S+/g, "").split(/ +/);
    if (program === "deno task") assert(Object.hasOwn(tasks, name!), whole);
    else {
      parseWords(commands.find((own) => own.name === name) ?? fail(`there is no ${whole}`), words);
    }
  }
});

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

Deno.test("links within the project lead to a file, and to a heading in it", () => {
  for (const document of DOCUMENTS) {
    const text = Deno.readTextFileSync(join(PROJECT, document));
    for (const [whole, path = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === "" ? document : join(dirname(document), path);
      const found = Deno.readTextFileSync(join(PROJECT, target));
      const anchors = [...found.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
      assert(anchor === undefined || anchors.includes(anchor), `${document}: ${whole} leads nowhere`);
    }
  }
});
