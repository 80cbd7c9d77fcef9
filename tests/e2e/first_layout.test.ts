// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pathsOf } from "../../src/agent/paths.ts";
import { version } from "../../src/shared/version.ts";
import { compiledIvy } from "../support/binary.ts";
import { HISTORIC_CALLS, HistoryReader } from "../support/disk_history.ts";
import { runRecorded } from "../support/fault_injection.ts";
import { needs, orSkip } from "../support/needs.ts";
import { runIvy } from "../support/node.ts";
import { isCompiled, shippedIvy } from "../support/program.ts";
import { unsynced } from "../support/unsynced.ts";

const UNPROMISED = /run\.lock$|\.tmp$/;
const compiled = isCompiled ? shippedIvy()[0] : await orSkip(compiledIvy());
const ignore = compiled === undefined || needs("strace") !== undefined;

Deno.test({
  name: "a node that init has made of a copied binary is on the disk before it says what to do next",
  ignore,
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "ivy-first-" });
    try {
      const [binary, nodes] = [join(folder, "ivy"), join(folder, "nodes")];
      Deno.copyFileSync(compiled!, binary);
      Deno.mkdirSync(nodes);
      const reader = new HistoryReader(nodes);
      const root = join(nodes, "above", "node");
      const { trace, code, stdout } = await runRecorded([binary, "init", "--root", root], HISTORIC_CALLS);
      assertEquals(code, 0, stdout);
      const { events } = reader.read(trace).history;
      const done = events.findIndex((event) => event.kind === "said" && event.text.includes("created"));
      assert(done > 0, stdout);
      assert(events.some((event) => "path" in event && event.path === `above/node/${version}/ivy`));
      assertEquals(unsynced({ events }, 0, done, (path) => !UNPROMISED.test(path)), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "a binary that a power cut has emptied: the launcher fails, init says it and puts it there again",
  ignore,
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "ivy-first-" });
    try {
      const binary = join(folder, "ivy");
      Deno.copyFileSync(compiled!, binary);
      const paths = pathsOf(join(folder, "node"));
      await runIvy([binary], ["init", "--root", paths.root]);
      const placed = join(paths.versionFolder, "ivy");
      Deno.removeSync(placed);
      Deno.writeTextFileSync(placed, "", { mode: 0o755 });
      const started = await runIvy([paths.launcher], ["start"]);
      assert(started.code !== 0);
      assertMatch(started.stderr, /^ivy: .*\/ivy is missing, .*\n$/);
      const again = await runIvy([binary], ["init", "--root", paths.root]);
      assertStringIncludes(
        again.stdout,
        `put this binary at ${placed}, in the place of one that was damaged`,
      );
      const complete = await runIvy([binary], ["init", "--root", paths.root]);
      assertStringIncludes(complete.stdout, `${paths.root} is complete`);
      const info = await runIvy([paths.launcher], ["info", "--json"]);
      assertEquals(JSON.parse(info.stdout).program, placed);
      const record = JSON.parse(Deno.readTextFileSync(paths.versions));
      assertEquals([record[version].came, record[version].size_bytes], [
        "by_hand",
        Deno.statSync(binary).size,
      ]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
