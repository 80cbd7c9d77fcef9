// Runs in: tests.
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../../src/agent/errors.ts";
import { readInstalledVersions } from "../../../src/agent/installed_versions.ts";
import { pathsOf } from "../../../src/agent/paths.ts";
import { takeRunLock } from "../../../src/agent/run_lock.ts";
import { checkReach } from "../../../src/agent/service/account.ts";
import { installSteps, uninstallSteps } from "../../../src/agent/service/install.ts";
import { thisMachine } from "../../../src/agent/service/machine.ts";
import { takeSteps } from "../../../src/agent/service/steps.ts";
import { unitText } from "../../../src/agent/service/unit.ts";
import { version } from "../../../src/shared/version.ts";
import { checkRights } from "../../../src/cli/install.ts";
import { FakeMachine } from "../../support/fake_machine.ts";

/** A machine, and what installing on it does. */
class Lab extends FakeMachine {
  readonly root = join(this.folder, "node");
  readonly paths = pathsOf(this.root);
  readonly binary = join(this.folder, "copied-ivy");

  constructor() {
    super();
    Deno.writeTextFileSync(this.binary, "a program", { mode: 0o755 });
  }

  install(options: { user?: string; dryRun?: boolean } = {}): Promise<string[]> {
    const { user = "ivy", dryRun = false } = options;
    return this.#take(installSteps({ machine: this, paths: this.paths, user, binary: this.binary }), dryRun);
  }

  uninstall(dryRun = false): Promise<string[]> {
    return this.#take(uninstallSteps(this), dryRun);
  }

  async #take(steps: ReturnType<typeof uninstallSteps>, dryRun: boolean): Promise<string[]> {
    const said: string[] = [];
    await takeSteps(await steps, {
      dryRun,
      settle: () => Promise.resolve(),
      say: (line) => said.push(line),
    });
    return said;
  }
}

Deno.test("install makes user, node and unit, and starts it; again it changes nothing", async () => {
  using lab = new Lab();
  const said = await lab.install();
  assertEquals(said.map((line) => line[0]), Array(8).fill("+"));
  assertEquals(lab.changes.map((line) => line.split(" ").slice(0, 2).join(" ")), [
    "useradd --system",
    "chown -R",
    "systemctl daemon-reload",
    "systemctl enable",
    "systemctl start",
  ]);
  assertEquals(Deno.readTextFileSync(lab.unitFile), unitText({ root: lab.root, user: "ivy" }));
  assertStringIncludes(Deno.readTextFileSync(lab.paths.launcher), "#!/bin/sh");
  assertEquals(Deno.readTextFileSync(join(lab.paths.current, "ivy")), "a program");
  assertEquals(Deno.statSync(lab.paths.configFile).isFile, true);

  lab.changes = ["chown, before"];
  assertEquals((await lab.install()).map((line) => line[0]), Array(8).fill("✓"));
  assertEquals(lab.changes.length, 1);
});

Deno.test("where data is a link, the unit names where it leads, and whose that is stays as it is", async () => {
  using lab = new Lab();
  const disk = join(Deno.realPathSync(lab.folder), "disk");
  for (const folder of [disk, lab.root]) Deno.mkdirSync(folder);
  Deno.symlinkSync(disk, join(lab.root, "data"));
  const steps = await installSteps({
    machine: lab,
    paths: pathsOf(lab.root),
    user: "ivy",
    binary: lab.binary,
  });
  await takeSteps(steps, { dryRun: false, settle: () => Promise.resolve(), say: () => {} });
  const text = unitText({ root: lab.root, user: "ivy", linked: [disk] });
  assertEquals(Deno.readTextFileSync(lab.unitFile), text);
  assertEquals(lab.changes.filter((line) => line.startsWith("chown") && line.includes(disk)), []);
});

Deno.test("a dry run says what would be done and does none of it", async () => {
  using lab = new Lab();
  const said = await lab.install({ dryRun: true });
  assertEquals(said.every((line) => line.startsWith("would ")), true, said.join("\n"));
  for (
    const word of [
      "useradd",
      lab.unitFile,
      "systemctl enable",
      "systemctl start",
      `make ${lab.root} and give it to ivy`,
    ]
  ) {
    assertStringIncludes(said.join("\n"), word);
  }
  assertEquals([lab.changes, [...Deno.readDirSync(lab.unitFolder)]], [[], []]);
  assertThrows(() => Deno.statSync(lab.root), Deno.errors.NotFound);
  await lab.install();
  lab.changes = [];
  const removal = await lab.uninstall(true);
  assertEquals(removal.map((line) => line.split(" ")[0]), ["would", "would", "would"]);
  assertEquals([lab.changes, Deno.statSync(lab.unitFile).isFile], [[], true]);
});

Deno.test("a binary that a power cut has emptied is no node: install says so, and puts it there again", async () => {
  using lab = new Lab();
  await lab.install();
  const placed = join(lab.paths.versionFolder, "ivy");
  Deno.truncateSync(placed, 0);
  const [, , planned] = await lab.install({ dryRun: true });
  assertStringIncludes(planned!, `would lay out ${lab.root}`);
  assertStringIncludes(planned!, `${placed} is damaged or another`);
  const [, , said] = await lab.install();
  assertStringIncludes(said!, `+ ${lab.root} holds a node`);
  assertEquals(Deno.readTextFileSync(placed), "a program");
  assertStringIncludes((await lab.install())[2]!, `✓ ${lab.root} holds a node`);
});

Deno.test("what install has put there is on record as by hand, and no second name of what was copied", async () => {
  using lab = new Lab();
  await lab.install();
  assertEquals(readInstalledVersions(lab.paths).get(version)?.came, "by_hand");
  assertEquals(Deno.statSync(join(lab.paths.versionFolder, "ivy")).nlink, 1);
  assertEquals([...Deno.readDirSync(lab.root)].map(({ name }) => name).sort(), [
    version,
    "control",
    "current",
    "data",
    "ivy",
  ]);
});

Deno.test("a running agent whose binary is not this program is said to be in the way", async () => {
  using lab = new Lab();
  await lab.install();
  Deno.truncateSync(join(lab.paths.versionFolder, "ivy"), 0);
  const taken = await takeRunLock(lab.paths);
  await assertRejects(
    () => lab.install(),
    CommandError,
    `${lab.root} does not hold this program, and PID ${Deno.pid} runs on it: end it with`,
  );
  if ("lock" in taken) taken.lock.release();
});

Deno.test("another user or a unit of an older Ivy: the unit is replaced and the service restarted", async () => {
  using lab = new Lab();
  await lab.install();
  lab.changes = [];
  const said = await lab.install({ user: "pi" });
  assertStringIncludes(said.join("\n"), `write ${lab.unitFile}, replacing the one that is there`);
  assertEquals(lab.changes.slice(-2), [
    "systemctl daemon-reload",
    "systemctl restart --no-block ivy.service",
  ]);
  assertStringIncludes(Deno.readTextFileSync(lab.unitFile), "User=pi\n");
});

Deno.test("uninstall ends and removes the service, keeps the node, and is content when there is none", async () => {
  using lab = new Lab();
  await lab.install();
  lab.changes = [];
  assertEquals((await lab.uninstall()).map((line) => line[0]), ["+", "+", "+"]);
  assertEquals(lab.changes, ["systemctl disable --now ivy.service", "systemctl daemon-reload"]);
  assertEquals([...Deno.readDirSync(lab.unitFolder)], []);
  assertEquals(Deno.statSync(lab.paths.configFile).isFile, true);
  assertEquals((await lab.uninstall()).map((line) => line[0]), ["✓", "✓", "✓"]);
});

Deno.test("a unit that somebody else wrote is left alone", async () => {
  using lab = new Lab();
  Deno.writeTextFileSync(lab.unitFile, "[Service]\nExecStart=/opt/ivy\n");
  for (const work of [() => lab.install(), () => lab.uninstall()]) {
    await assertRejects(work, CommandError, "was not written by ivy install: move it away first");
  }
});

Deno.test("an agent that runs by hand is not disturbed", async () => {
  using lab = new Lab();
  Deno.mkdirSync(lab.paths.data, { recursive: true });
  const taken = await takeRunLock(lab.paths);
  await assertRejects(
    () => lab.install(),
    CommandError,
    `PID ${Deno.pid} runs on ${lab.root} and is not the service`,
  );
  if ("lock" in taken) taken.lock.release();
});

Deno.test("a program of the system that fails is named, with its own words", async () => {
  using lab = new Lab();
  lab.broken = "useradd";
  await assertRejects(() => lab.install(), CommandError, "useradd: it is broken");
});

Deno.test("from source there is no binary to install", async () => {
  using lab = new Lab();
  const steps = () => installSteps({ machine: lab, paths: lab.paths, user: "ivy" });
  await assertRejects(steps, CommandError, "compile it with deno task compile");
});

Deno.test("names that no user can have, and folders that the user cannot enter", async () => {
  using lab = new Lab();
  await assertRejects(() => lab.install({ user: "a b" }), CommandError, "--user a b: expected small letters");
  const closed = join(lab.folder, "closed");
  Deno.mkdirSync(closed, { mode: 0o700 });
  const inside = join(closed, "node");
  await assertRejects(() => checkReach(lab, "ivy", inside), CommandError, `ivy may not enter ${closed}`);
  await checkReach(lab, "root", inside);
  if (Deno.uid() !== 0) await checkReach(lab, "pi", inside);
});

Deno.test("what may not be done here is said, with the way out", () => {
  const systemd = { isCron: false, user: undefined };
  const nobody = { isAdministrator: false, hasSystemd: true };
  assertThrows(
    () => checkRights(nobody, systemd),
    CommandError,
    "before a binary that is yours, or let your own cron",
  );
  assertThrows(
    () => checkRights({ isAdministrator: true, hasSystemd: false }, systemd),
    CommandError,
    "systemd does not run this machine; let cron start Ivy instead: ivy install --cron",
  );
  assertThrows(() => checkRights(nobody, { isCron: true, user: "pi" }), CommandError, "or leave --user out");
  checkRights({ isAdministrator: false, hasSystemd: false }, { isCron: true, user: undefined });
});

Deno.test("the real machine runs programs, and survives those that are missing", async () => {
  const machine = thisMachine({ SYSTEMD_UNIT_PATH: "/somewhere:/else" });
  assertEquals(machine.unitFolder, "/somewhere");
  assertEquals(thisMachine({}).unitFolder, "/etc/systemd/system");
  assertEquals(machine.isAdministrator, Deno.uid() === 0);
  assertEquals(await machine.run(["cat"], "some\ninput"), {
    success: true,
    stdout: "some\ninput",
    stderr: "",
  });
  assertEquals((await machine.run(["false"])).success, false);
  const missing = await machine.run(["no-such-program-anywhere"]);
  assertEquals(missing.success, false);
  assertStringIncludes(missing.stderr, "no-such-program-anywhere");
});
