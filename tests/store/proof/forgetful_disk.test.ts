// Runs in: tests.
import { assertEquals } from "@std/assert";
import { CrashLab } from "../../support/crash_lab.ts";
import { FORGETTINGS } from "../../support/forgetful_disk.ts";
import { needs } from "../../support/needs.ts";
import { sample, sideBySide } from "../../support/sampling.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
/** Behind how many events of a workload the power is cut, for each way to forget; in the night behind all. */
const SAMPLE = Number(Deno.env.get("IVY_CUTS") ?? (isNightly ? Infinity : 100));

for (const workload of ["two days", "two days after a damage", "the first life"] as const) {
  Deno.test({
    name: `a disk that forgets what was not synced, and a power cut anywhere in ${workload} of a store`,
    ignore: needs("strace") !== undefined,
    fn: async (t) => {
      await using lab = await new CrashLab(workload, 30).prepare();
      const history = await lab.record();
      const moments = Array.from({ length: history.events.length + 1 }, (_, index) => index);
      for (const forgetting of FORGETTINGS) {
        await t.step(forgetting.name, async () => {
          for (const behind of sample(moments, SAMPLE)) {
            const faults = await lab.cutPower(history, behind, forgetting);
            assertEquals(faults, [], `behind event ${behind}:\n${faults.join("\n")}`);
          }
        });
      }
    },
  });
}

Deno.test({
  name: "a sync that fails, a store that goes on, and a power cut after that",
  ignore: needs("strace") !== undefined,
  fn: async () => {
    await using lab = await new CrashLab("two days", 30).prepare();
    const { events } = await lab.record();
    const syncs = events.filter(({ kind }) => kind === "sync" || kind === "sync_folder").length;
    const calls = Array.from({ length: syncs }, (_, index) => ({ call: "fsync", when: index + 1 }));
    const failing = [{ call: "fdatasync", when: 1 }, ...sample(calls, SAMPLE / 10)];
    await sideBySide(failing, 2, async (sync) => {
      const history = await lab.record({ ...sync, fault: "EIO" });
      const failed = history.events.findIndex(({ kind }) => kind === "failed_sync");
      const moments = Array.from(history.events.keys()).slice(failed); // none when the sync is that of a folder
      for (const behind of failed === -1 ? [] : sample(moments, SAMPLE)) {
        const faults = await lab.cutPower(history, behind, FORGETTINGS[0]!);
        assertEquals(faults, [], `${sync.call} ${sync.when}, behind event ${behind}:\n${faults.join("\n")}`);
      }
    });
  },
});
