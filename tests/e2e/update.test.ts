// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { orSkip } from "../support/needs.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = await orSkip(twoVersions());
const ignore = versions === undefined;

Deno.test({
  name: "ivy update brings a version, which proves itself and takes over; ivy rollback goes back",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({ old: versions!.old });
    await lab.publish(versions!.next);
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures/);
    const { code, stdout, stderr } = await lab.ivy("update", NEW);
    assertEquals(code, 0, stderr + lab.log);
    assertMatch(stdout, /takes over, on probation/);
    assertMatch(
      stderr,
      /downloading 4\.5\.6 \(serial 7\)[^]*testing 4\.5\.6 on this device[^]*switching from 1\.2\.3/,
    );
    await lab.untilLog(/4\.5\.6 has proved itself; 1\.2\.3 is kept/);
    assertEquals(lab.lives.length, 1, "the process is replaced in place");
    assertEquals([lab.active, lab.config.general.software_version], [NEW, NEW]);
    for (const name of ["staging", "data/probation", "data/update.json"]) {
      assert(!exists(join(lab.root, name)), `${name} is left`);
    }
    const wire = /downloaded 4\.5\.6: (.*) over the network \((\w+)\)/.exec(lab.log)!;
    assertEquals(wire[2], "delta", wire[0]);
    await lab.ivy("rollback");
    await lab.untilLog(/4\.5\.6[^]*Ivy 1\.2\.3 starts[^]* ready: 1 procedures/);
    assertEquals(lab.active, OLD);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});
