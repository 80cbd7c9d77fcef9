// Runs in: tests.
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { CommandError } from "../../../src/agent/errors.ts";
import { pathsOf } from "../../../src/agent/paths.ts";
import { checkMayBeGiven, ownerStep } from "../../../src/agent/service/account.ts";
import { installSteps } from "../../../src/agent/service/install.ts";
import { thisMachine } from "../../../src/agent/service/machine.ts";
import { removeRootsProgramStep, rootsProgramSteps } from "../../../src/agent/service/roots_program.ts";
import { type Step, takeSteps } from "../../../src/agent/service/steps.ts";
import { runCommand } from "../../../src/build/command.ts";
import { version } from "../../../src/shared/version.ts";
import { FakeMachine } from "../../support/fake_machine.ts";
import { ForeignRoot, STRANGER_UID } from "../../support/foreign_root.ts";
import { skipBecause } from "../../support/needs.ts";

const ignore = Deno.uid() !== 0;
if (ignore) skipBecause("only root can be tricked by who owns the root folder");

/** What really happens, with the users of this machine. */
const realMachine = { ...thisMachine({}), isAdministrator: true };

const take = (steps: Step[]) =>
  takeSteps(steps, { dryRun: false, settle: () => Promise.resolve(), say: () => {} });

Deno.test("what is neither empty nor a node is given to nobody, however much it looks like one", async () => {
  using machine = new FakeMachine();
  const root = join(machine.folder, "lib");
  for (const name of ["data", "control", "dpkg"]) Deno.mkdirSync(join(root, name), { recursive: true });
  Deno.symlinkSync("dpkg", join(root, "current"));
  const binary = join(machine.folder, "copied-ivy");
  Deno.writeTextFileSync(binary, "a program", { mode: 0o755 });
  const install = () => installSteps({ machine, paths: pathsOf(root), user: "ivy", binary });
  await assertRejects(install, CommandError, `${root} holds something else and no node of Ivy`);
  assertEquals(machine.changes, []);
  Deno.removeSync(join(root, "dpkg"));
  assertEquals((await install()).length, 8);
  Deno.mkdirSync(join(root, version, "config"), { recursive: true });
  Deno.writeTextFileSync(join(root, "certificate.pem"), "a file of the person's");
  assertEquals((await install()).length, 8);
});

Deno.test({
  name: "install lays a node out with the rights of the folder's owner: planted links lead it nowhere",
  ignore,
  async fn() {
    using machine = new FakeMachine();
    for (const name of [version, "control", "data"]) {
      await using lab = new ForeignRoot();
      lab.plant(join(lab.root, name), "folder");
      await lab.giveAway();
      const binary = join(machine.folder, "copied-ivy");
      Deno.writeTextFileSync(binary, "a program", { mode: 0o755 });
      const steps = await installSteps({ machine, paths: pathsOf(lab.root), user: "root", binary });
      await take(steps).catch(() => {}); // it may go on beside the link, or say that it cannot
      assert(lab.isUntouched, name);
    }
  },
});

Deno.test({
  name:
    "the root is given to its user, and with it only what was its owner's: no second name of another's file",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    await lab.giveAway();
    lab.plant(join(lab.root, "link"), "file");
    Deno.linkSync(lab.file, join(lab.root, "name"));
    const step = ownerStep(realMachine, "daemon", lab.root);
    await assertRejects(
      async () => await step.bringAbout(),
      CommandError,
      " belongs neither to daemon nor to",
    );
    assertEquals([Deno.statSync(lab.root).uid, Deno.statSync(lab.file).uid], [1, 0]);
    for (const name of ["link", "name"]) Deno.removeSync(join(lab.root, name));
    await take([ownerStep(realMachine, "daemon", lab.root)]);
    assertEquals(await ownerStep(realMachine, "daemon", lab.root).isSo(), true);
  },
});

Deno.test({
  name: "a new root is made as root in root's folder, as its user in that user's, and in no other's",
  ignore,
  async fn() {
    await using lab = new ForeignRoot();
    const made = join(lab.roots, "new", "node");
    await take([ownerStep(realMachine, "daemon", made)]);
    assertEquals([made, join(lab.roots, "new")].map((path) => Deno.statSync(path).uid), [1, 0]);
    await lab.giveAway();
    const inside = join(lab.root, "node");
    await assertRejects(
      () => checkMayBeGiven(realMachine, "daemon", inside),
      CommandError,
      `${lab.root} belongs to another user`,
    );
    await checkMayBeGiven(realMachine, "nobody", inside);
    await take([ownerStep(realMachine, "nobody", inside)]);
    assertEquals(Deno.statSync(inside).uid, STRANGER_UID);
  },
});

Deno.test({
  name: "what root calls is root's own, and runs what lies in the root folder as its user",
  ignore,
  async fn() {
    using machine = new FakeMachine();
    await using lab = new ForeignRoot();
    const program = "#!/bin/sh\necho root folder: $IVY_ROOT, user: $(id -u), words: $*\n";
    const binary = join(machine.folder, "copied-ivy");
    Deno.writeTextFileSync(binary, `${program}# root's`, { mode: 0o755 });
    Deno.writeTextFileSync(lab.paths.launcher, program, { mode: 0o755 });
    Deno.symlinkSync(version, lab.paths.current);
    await lab.giveAway();
    const options = { machine, paths: lab.paths, user: "nobody", binary };
    const { rootsLauncher, rootsProgram } = machine;
    await take(rootsProgramSteps(options));
    for (const path of [rootsLauncher, rootsProgram]) {
      const { uid, mode } = Deno.statSync(path);
      assertEquals([uid, mode! & 0o777], [0, 0o755], path);
    }
    const call = async (...words: string[]) => (await runCommand([rootsLauncher, ...words])).stdout;
    const said = (user: number, words: string) =>
      `root folder: ${lab.root}, user: ${user}, words: ${words}\n`;
    assertEquals(await call("status", "--json"), said(STRANGER_UID, "status --json"));
    assertEquals(await call("run"), said(STRANGER_UID, "run"));
    for (const word of ["install", "uninstall", "doctor"]) assertEquals(await call(word), said(0, word));
    Deno.removeSync(lab.paths.current);
    Deno.symlinkSync("9.9.9", lab.paths.current);
    assertEquals(
      await call("doctor"),
      said(STRANGER_UID, "doctor"),
      "of another version, that version's own",
    );
    const asUser = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", rootsLauncher, "status"] as const;
    Deno.writeTextFileSync(lab.paths.launcher, "#!/bin/sh\necho taken over\n");
    assertEquals(
      (await runCommand([...asUser])).stdout,
      said(1, "status"),
      "no other user runs what the owner can change",
    );

    await take([removeRootsProgramStep(machine)]);
    assertThrows(() => Deno.statSync(rootsLauncher), Deno.errors.NotFound);
    assertThrows(() => Deno.statSync(rootsProgram), Deno.errors.NotFound);
  },
});

Deno.test("somebody else's program in the place of root's is left alone; Ivy itself is replaced", async () => {
  using machine = new FakeMachine();
  const { rootsLauncher } = machine;
  const binary = join(machine.folder, "copied-ivy");
  Deno.writeTextFileSync(binary, "a program", { mode: 0o755 });
  const options = { machine, paths: { root: "/a'b" }, user: "ivy", binary };
  Deno.mkdirSync(join(machine.folder, "local", "bin"), { recursive: true });
  Deno.writeTextFileSync(rootsLauncher, "another's", { mode: 0o755 });
  assertThrows(
    () => rootsProgramSteps(options),
    CommandError,
    `${rootsLauncher} was not written by ivy install`,
  );
  assertEquals(await removeRootsProgramStep(machine).isSo(), true);
  Deno.writeTextFileSync(rootsLauncher, "a program");
  await take(rootsProgramSteps(options));
  assertStringIncludes(Deno.readTextFileSync(rootsLauncher), `IVY_ROOT='/a'\\''b'\n`);
});
