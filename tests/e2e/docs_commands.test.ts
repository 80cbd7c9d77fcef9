// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMANDS, type Trial } from "../support/document_commands.ts";
import { blocksOf, commandsIn, DOCUMENTS, placeOf } from "../support/documents.ts";
import { proceduresShown, projectWithShownCode } from "../support/document_code.ts";
import { isCompiled, shippedIvy } from "../support/program.ts";
import { ReaderShell } from "../support/reader_shell.ts";

const shown = DOCUMENTS.flatMap(blocksOf).filter(({ language }) => language === "sh")
  .flatMap((block) => commandsIn(block).map((command) => ({ command, place: placeOf(block) })));

Deno.test("each command of the documents is tried, or there is a reason why not; none is in the list for nothing", () => {
  const listed = shown.filter(({ command }) => !Object.hasOwn(COMMANDS, command));
  assertEquals(listed, [], "add these to tests/support/document_commands.ts");
  const needed = new Set(shown.map(({ command }) => command));
  assertEquals(Object.keys(COMMANDS).filter((command) => !needed.has(command)), []);
});

/** Commands on a node and for releases: the compiled program runs them, too. */
const OF_IVY = /^(\.\/|~\/node\/)?ivy /;

Deno.test("the commands of the documents do what the documents say", async (t) => {
  await using copy = projectWithShownCode();
  const template = JSON.parse(copy.read("config/config.template.json"));
  Object.assign(template, { status_page: null }); // other tests may have the port
  const { soil_probe, soil_probe_v1 } = proceduresShown();
  Object.assign(template.procedures, { soil_probe, soil_probe_v1 });
  copy.write("config/config.template.json", JSON.stringify(template));
  copy.write("dist/ivy-aarch64-unknown-linux-gnu", "in place of what deno task compile writes");
  await using shell = new ReaderShell(copy, isCompiled ? shippedIvy() : copy.program);
  for (const [command, trial] of Object.entries(COMMANDS)) {
    if ("because" in trial || (isCompiled && !OF_IVY.test(command) && command !== "deno task release")) {
      continue;
    }
    await t.step(command, () => tryCommand(shell, command, trial));
  }
});

async function tryCommand(shell: ReaderShell, command: string, trial: Exclude<Trial, { because: string }>) {
  if ("until" in trial) return await shell.runUntil(command, trial.until);
  const { success, text } = await shell.run(command);
  assertEquals(success, "prints" in trial, text);
  assertMatch(text, "prints" in trial ? trial.prints : trial.fails);
  assert(!/\n {4}at /.test(text), `${command} shows a stack trace:\n${text}`);
}
