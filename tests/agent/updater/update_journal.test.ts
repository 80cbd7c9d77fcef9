// Runs in: tests.
import { assertEquals } from "@std/assert";
import { pathsOf } from "../../../src/agent/paths.ts";
import { readCounter, readUpdateJournal } from "../../../src/agent/updater/update_journal.ts";

const BEFORE = { procedures: [], backends: [] };

for (
  const name of [
    "..",
    "../../etc",
    "/tmp",
    "data",
    "current",
    "1.2.3/../../x",
    "1.2",
    "",
    "1.2.3\n4.5.6",
    7,
    null,
  ]
) {
  Deno.test(`a journal or counter names versions only, and leads nowhere else: ${JSON.stringify(name)}`, () => {
    const root = Deno.makeTempDirSync({ prefix: "ivy-journal-" });
    try {
      const paths = pathsOf(root);
      Deno.mkdirSync(paths.control);
      for (const journal of [{ version: name, from: "1.2.3" }, { version: "1.2.3", from: name }]) {
        Deno.writeTextFileSync(paths.update, JSON.stringify({ ...journal, revision: 1, before: BEFORE }));
        assertEquals(readUpdateJournal(paths), undefined);
        Deno.writeTextFileSync(paths.probation, `${journal.version} ${journal.from} 1 60 -\n`);
        assertEquals(readCounter(paths), undefined);
        assertEquals(readUpdateJournal(paths), undefined, "a counter that is damaged as well says nothing");
        Deno.removeSync(paths.probation);
      }
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}
