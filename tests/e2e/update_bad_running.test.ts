// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = await twoVersions();
const ignore = versions === undefined;
const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";

const ENDED = "it did not get well in 3 starts: it ended before its probation was over";
const HUNG = "it did not get well in 3 starts: it hung and had to be ended";

/**
 * What is bad only when it runs. Times are scaled: the probation is 3 s instead of 300 s, and a version that does
 * nothing is ended after 5 s instead of 420 s.
 */
const BAD_WHEN_RUNNING: {
  name: string;
  mode: string;
  reason: string;
  isNightly?: boolean;
  hasLog?: boolean;
}[] = [
  { name: "ends with 1", mode: "exit:1", reason: ENDED },
  { name: "ends with 0 at once", mode: "exit:0", reason: ENDED, isNightly: true },
  { name: "crashes after 30 s (here 1.2 s)", mode: "crash_after:1200", reason: ENDED, hasLog: true },
  { name: "crashes late in its probation", mode: "crash_after:2900", reason: ENDED, isNightly: true },
  {
    name: "a procedure fails",
    mode: "procedure",
    reason: "the procedure metronome ran before and now fails",
    hasLog: true,
  },
  { name: "hangs before it starts", mode: "hang", reason: HUNG },
  { name: "hangs while it runs", mode: "spin_after:500", reason: HUNG, isNightly: true },
  { name: "eats memory", mode: "eat", reason: "it takes ", hasLog: true },
];

for (const { name, mode, reason, isNightly: isLong = false, hasLog = false } of BAD_WHEN_RUNNING) {
  Deno.test({
    name:
      `a release that is bad only when it runs, ${name}: at most 3 starts, then the old one, never tried again`,
    ignore: ignore || (isLong && !isNightly),
    async fn() {
      await using lab = await UpdateLab.open({ old: versions!.old, env: { IVY_TEST_BAD: mode } });
      await lab.publish(versions!.next);
      lab.supervise();
      await lab.untilLog(/ ready: 1 procedures/);
      assertEquals((await lab.ivy("update", NEW)).code, 0);
      await lab.untilLog(/Ivy 4\.5\.6 was left for 1\.2\.3/);
      assertStringIncludes(lab.log, `Ivy 4.5.6 was left for 1.2.3: ${reason}`);
      assert(
        !/failed \d+ times in a row before/.test(lab.log),
        "the old version does not answer for the new one's",
      );
      if (hasLog) assertMatch(lab.log, / was left for [^\n]*; the end of its log: [^\n]{20}/);
      assertEquals(lab.active, OLD);
      assert((lab.log.match(/ agent +Ivy 4\.5\.6 starts/g) ?? []).length <= 3, lab.log);
      assert(!exists(join(lab.root, NEW)));
      const again = await lab.ivy("update", NEW);
      assertEquals(again.code, 1);
      assertStringIncludes(again.stderr, "this release has failed here before");
      await lab.stop();
      assertNoIdMissing(lab.messages());
    },
  });
}
