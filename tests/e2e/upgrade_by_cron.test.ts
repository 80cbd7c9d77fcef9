// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { version as NEXT } from "../../src/shared/version.ts";
import { FIRST, firstAndNext } from "../support/first_version.ts";
import { needs } from "../support/needs.ts";
import { killBelow, processesBelow, runs } from "../support/kill_below.ts";
import { type Ended, runIvy } from "../support/node.ts";
import { until } from "../support/until.ts";
import { UpdateLab } from "../support/update_lab.ts";

const programs = needs("git") === undefined ? await firstAndNext() : undefined;

Deno.test({
  name:
    `a node of ${FIRST.version} that cron starts: this version hangs, is ended, crashes, and is left by the launcher`,
  ignore: programs === undefined,
  async fn() {
    await using lab = await UpdateLab.open({
      old: programs!.first.binary,
      version: FIRST.version,
      configure: (config) => Object.assign(config["updater"] as object, { probation_seconds: 9 }),
    });
    await lab.publish(programs!.next, { version: NEXT });
    const ivy = (...args: string[]) => runIvy([lab.launcher], args, { env: { PATH: "/usr/bin:/bin" } });
    const start = async (version: string): Promise<number> => {
      const pid = Number(/^Ivy runs \(PID (\d+)\)/.exec(assertDone(await ivy("start")))?.[1]);
      assertEquals(JSON.parse(assertDone(await ivy("status", "--json"))).software_version, version);
      return pid;
    };
    const first = await start(FIRST.version);
    assertMatch(assertDone(await ivy("update", NEXT)), /takes over, on probation/);
    await until("this version is on probation", async () => /on probation/.test((await ivy("info")).stdout));
    assertEquals(processesBelow(lab.root), [first], "the process is replaced in place");
    await killBelow(lab.root);
    const hanging = await start(NEXT);
    Deno.kill(hanging, "SIGSTOP");
    await until("the launcher that has started it ends it", () => !runs(hanging));
    await start(NEXT);
    await killBelow(lab.root); // for the third time
    await start(FIRST.version);
    const reason = /was left for 0\.1\.0: [^\n]*in 3 starts: it hung and had to be ended/;
    await until("the first version says why", async () => reason.test((await ivy("logs")).stdout));
    assertMatch(assertDone(await ivy("stop")), /Ivy has stopped/);
    await until("nothing runs any more", () => processesBelow(lab.root).length === 0);
  },
});

function assertDone({ code, stdout, stderr }: Ended): string {
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}
