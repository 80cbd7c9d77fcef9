// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { AgentProcess } from "../support/agent_process.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = await twoVersions();
const ignore = versions === undefined;

Deno.test({
  name: "ivy update brings a version, which proves itself and takes over; ivy rollback goes back",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => Object.assign(config["updater"] as object, { probation_seconds: 8 }),
    });
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
    await lab.untilLog(/4\.5\.6 is on probation/);
    for (const command of ["status", "info"]) {
      const shown = await lab.ivy(command, "--json");
      const { update, probation } = JSON.parse(shown.stdout);
      assertMatch(update, /^4\.5\.6 is on probation for \d\.\d s more, 1\.2\.3 would take over$/);
      assertEquals(probation.version_before, OLD);
      assert(probation.seconds_left > 0 && probation.seconds_left <= 8, shown.stdout);
      assertMatch((await lab.ivy(command)).stdout, /update:? +4\.5\.6 is on probation for/);
    }
    await lab.untilLog(/4\.5\.6 has proved itself; 1\.2\.3 is kept/);
    assertMatch((await lab.ivy("info", "--json")).stdout, /"update": null/);
    assertEquals(lab.lives.length, 1, "the process is replaced in place");
    assertEquals([lab.active, lab.config.general.software_version], [NEW, NEW]);
    for (const name of ["staging", "control/probation", "control/update.json"]) {
      assert(!exists(join(lab.root, name)), `${name} is left`);
    }
    const wire = /downloaded 4\.5\.6: (.*) over the network \((\w+)\)/.exec(lab.log)!;
    assertEquals(wire[2], "delta", wire[0]);
    const { sentBytes } = lab.server;
    assert(sentBytes <= Deno.statSync(versions!.next).size / 100, `${sentBytes} bytes`);
    await lab.ivy("rollback");
    await lab.untilLog(/4\.5\.6[^]*Ivy 1\.2\.3 starts[^]* ready: 1 procedures/);
    assertEquals(lab.active, OLD);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name:
    "a release from a stick: checked, tested with the Deno that is there and the release's own tests, taken over",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => Object.assign(config["updater"] as object, { deno_path: Deno.execPath() }),
    });
    await lab.publish(versions!.next, { acceptance: null });
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures/);
    const file = join(lab.web, NEW, `ivy-${Deno.build.target}`);
    const check = await lab.ivy("update", "--check", file, "--json");
    assertEquals(JSON.parse(check.stdout), { version: NEW, serial: 7, running_version: OLD }, check.stderr);
    assertEquals((await lab.ivy("update", "--check", NEW)).code, 0);
    assertEquals(lab.active, OLD);
    const { code, stderr } = await lab.ivy("update", file);
    assertEquals(code, 0, stderr);
    await lab.untilLog(/4\.5\.6 has proved itself/);
    assertEquals(lab.active, NEW);
    const again = await lab.ivy("update", file);
    assertMatch(again.stderr, /4\.5\.6 runs already/);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name: "the release's own acceptance tests fail on this device: refused with what they say",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => Object.assign(config["updater"] as object, { deno_path: Deno.execPath() }),
    });
    const acceptance = `Deno.test("the valve opens", () => { throw new Error("it is stuck"); });`;
    await lab.publish(versions!.next, { acceptance });
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures/);
    const { code, stderr } = await lab.ivy("update", NEW);
    assertEquals(code, 1);
    assertMatch(stderr, /acceptance tests failed: [^]*it is stuck/);
    assertEquals(lab.active, OLD);
    await lab.stop();
  },
});

Deno.test({
  name: "while the new version tests its equipment, the old one lets go of it, and only of it, and only then",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({ old: versions!.old });
    const folder = join(lab.folder, "equipment");
    Deno.mkdirSync(folder);
    const config = JSON.parse(Deno.readTextFileSync(lab.configFile(OLD)));
    config.procedures.holds_equipment = { enabled: true, folder };
    Deno.writeTextFileSync(lab.configFile(OLD), JSON.stringify(config));
    await lab.publish(versions!.next);
    lab.supervise();
    await lab.untilLog(/ ready: 2 procedures/);
    assertEquals(Deno.readTextFileSync(join(folder, "equipment")), "held");
    const { code, stderr } = await lab.ivy("update", NEW);
    assertEquals(code, 0, stderr);
    await lab.untilLog(/4\.5\.6 has proved itself/);
    const steps = lab.log.matchAll(/ (testing 4|pausing \w+|resuming \w+|switching)/g);
    assertEquals([...steps].map(([, step]) => step), [
      "testing 4",
      "pausing holds_equipment",
      "resuming holds_equipment",
      "switching",
    ]);
    assertEquals(Deno.readTextFileSync(join(folder, "equipment")), "held", "by the new version");
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name: "a binary that runs from elsewhere lays itself out in its root, and is updated there",
  ignore,
  async fn() {
    await using lab = await UpdateLab.open({ old: versions!.old });
    const config = Deno.readTextFileSync(lab.configFile(OLD));
    Deno.removeSync(lab.launcher);
    Deno.removeSync(join(lab.root, OLD, "ivy"));
    const elsewhere = join(lab.folder, "elsewhere");
    Deno.copyFileSync(versions!.old, elsewhere);
    Deno.chmodSync(elsewhere, 0o755);
    await lab.publish(versions!.next);
    const agent = new AgentProcess(
      [elsewhere],
      ["run", "--root", lab.root],
      { PATH: "/usr/bin:/bin" },
      false,
    );
    lab.lives.push(agent);
    await lab.untilLog(/ ready: 1 procedures/);
    assertEquals(Deno.readTextFileSync(lab.configFile(OLD)), config);
    assertMatch(Deno.readTextFileSync(lab.launcher), /^#!\/bin\/sh/);
    assertEquals((await lab.ivy("update", NEW)).code, 0, lab.log);
    await lab.untilLog(/4\.5\.6 has proved itself/);
    assertEquals([lab.active, Deno.statSync(join(lab.root, OLD, "ivy")).size], [
      NEW,
      Deno.statSync(elsewhere).size,
    ]);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const EARLY: [phase: string, line: RegExp, goesOn: boolean][] = [
  ["download", / updater +downloading 4/, false],
  ["proof", / updater +testing 4/, false],
];
const KILLED_AT: typeof EARLY = [
  ...(isNightly ? EARLY : []),
  ["switch", / updater +switching from/, true],
  ["probation", / 4\.5\.6 is on probation/, true],
];

Deno.test({
  name:
    "killed in every phase of an update, the node starts again, and the update goes on or can be asked for again",
  ignore,
  async fn(t) {
    for (const [phase, line, goesOn] of KILLED_AT) {
      await t.step(phase, async () => {
        await using lab = await UpdateLab.open({ old: versions!.old });
        await lab.publish(versions!.next);
        lab.supervise();
        await lab.untilLog(/ ready: 1 procedures/);
        const asked = lab.ivy("update", NEW);
        await lab.untilLog(line);
        await lab.lives.at(-1)!.kill();
        await asked;
        await lab.untilLog(/starts[^]* ready: 1 [^]*starts[^]* ready: 1 /);
        if (!goesOn) assertEquals((await lab.ivy("update", NEW)).code, 0, lab.log);
        else if (lab.active === OLD) await lab.ivy("update", NEW);
        await lab.untilLog(/4\.5\.6 has proved itself/);
        assertEquals(lab.active, NEW);
        await lab.stop();
        assertNoIdMissing(lab.messages());
      });
    }
  },
});
