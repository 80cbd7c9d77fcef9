// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { HISTORIC_CALLS, HistoryReader } from "../support/disk_history.ts";
import { runRecorded } from "../support/fault_injection.ts";
import { needs } from "../support/needs.ts";
import { unsynced } from "../support/unsynced.ts";

const PROGRAM = fromFileUrl(new URL("../support/keeping_program.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
/**
 * Held by a process that lives; an index that SQLite makes anew; downloads, which are verified anew; leftovers; a plain
 * daily file that comes back beside the compressed one.
 */
const UNPROMISED =
  /run\.lock$|ivy\.sock$|-shm$|^\d+\/root\/staging\b|\.tmp$|ivy\.installing$|\/2026-01-01\.jsonl$/;

Deno.test({
  name: "whatever is said to be done is on the disk: contents, names, and that names are gone",
  ignore: needs("strace") !== undefined,
  async fn(t) {
    const scratch = Deno.makeTempDirSync({ prefix: "ivy-durable-" });
    try {
      const folder = join(scratch, "folder");
      Deno.mkdirSync(folder);
      Deno.chmodSync(scratch, 0o755); // the service's user has to pass
      const reader = new HistoryReader(folder);
      const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", "--config", CONFIG];
      const { trace, code, stdout } = await runRecorded([...deno, PROGRAM, folder], HISTORIC_CALLS);
      assertEquals(code, 0, stdout);
      const { history } = reader.read(trace);
      const said = history.events.flatMap((event, index) =>
        event.kind === "said" && /^(begin|done) .*\n$/.test(event.text)
          ? [{ index, text: event.text.trim() }]
          : []
      );
      assert(said.length > 0);
      for (const [at, { index, text }] of said.entries()) {
        if (!text.startsWith("begin ")) continue;
        const name = text.slice("begin ".length);
        const done = said[at + 1]!;
        await t.step(name, () => {
          assertEquals(done.text, `done ${name}`);
          const changes = history.events.slice(index, done.index).filter(({ kind }) => kind !== "said");
          assert(changes.length > 0, "nothing was seen to change");
          const lost = unsynced(history, index, done.index, (path) => !UNPROMISED.test(path));
          assertEquals(lost, []);
        });
      }
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  },
});
