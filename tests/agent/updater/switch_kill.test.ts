// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { LAUNCHER } from "../../../src/agent/launcher.ts";
import { exists } from "../../../src/agent/paths.ts";
import { countCalls, runTraced } from "../../support/fault_injection.ts";
import { needs } from "../../support/needs.ts";
import { temporariesOf } from "../../support/temporary_names.ts";

const ignore = needs("strace") !== undefined;
const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const PROGRAM = fromFileUrl(new URL("../../support/switch_program.ts", import.meta.url));

type Step = "switch" | "back" | "rollback" | "launch" | "launch_back";

/** A root as it is just before a step: versions are scripts that tell their name. */
function rootBefore(step: Step): string {
  const root = Deno.makeTempDirSync({ prefix: "ivy-switch-" });
  const write = (name: string, text: string, mode = 0o644) => {
    Deno.mkdirSync(dirname(join(root, name)), { recursive: true });
    Deno.writeTextFileSync(join(root, name), text);
    Deno.chmodSync(join(root, name), mode);
  };
  write("ivy", LAUNCHER, 0o755);
  for (const folder of ["data", "control"]) Deno.mkdirSync(join(root, folder));
  for (const version of ["1.2.3", "4.5.6"]) {
    const folder = step === "switch" && version === "4.5.6" ? `staging/${version}` : version;
    write(`${folder}/ivy`, `#!/bin/sh\necho ${version}\n`, 0o755);
    write(
      `${folder}/config/config.json`,
      `{"general":{"config_revision":1,"software_version":"${version}"}}`,
    );
  }
  if (step !== "switch") write("4.5.6/previous", "1.2.3\n");
  if (step === "launch" || step === "back") write("control/probation", "4.5.6 1.2.3 1 0 -\n");
  if (step === "launch_back") write("control/probation", "4.5.6 1.2.3 3 0 -\n");
  Deno.symlinkSync(step === "switch" ? "1.2.3" : "4.5.6", join(root, "current"));
  return root;
}

function programFor(step: Step, root: string): string[] {
  if (step === "launch" || step === "launch_back") return ["dash", join(root, "ivy"), "run"];
  const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--allow-all", "--config", config, PROGRAM, root, step];
}

/** Every path that a step may change; strace looks at no others. */
function pathsIn(root: string): string[] {
  const files = [
    "control/probation",
    "control/update.json",
    "control/revisions.json",
    "current",
    "4.5.6/previous",
  ];
  const folders = [
    "",
    "control",
    "1.2.3",
    "4.5.6",
    "staging/4.5.6",
    "staging/4.5.6/ivy",
    "staging/4.5.6/config",
  ];
  return [...folders, ...files, ...files.flatMap(temporariesOf)].map((name) => join(root, name));
}

/** Starts the node as systemd would after the power came back. */
function startAgain(root: string): string {
  const { stdout } = new Deno.Command("dash", { args: [join(root, "ivy"), "run"], stdin: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout).trim();
}

async function killedAt(step: Step, call: string, when: number): Promise<void> {
  const root = rootBefore(step);
  const where = `${step}: killed at ${call} ${when}`;
  try {
    await runTraced(programFor(step, root), pathsIn(root), { call, when, fault: "SIGKILL" });
    const active = Deno.readLinkSync(join(root, "current"));
    assert(exists(join(root, active, "config", "config.json")), where);
    if (step === "switch" && active === "4.5.6") {
      assert(exists(join(root, "control", "probation")), `${where}: a new version without its counter`);
      assert(exists(join(root, "control", "update.json")), `${where}: a new version without its journal`);
    }
    const ran = [startAgain(root), startAgain(root), startAgain(root), startAgain(root)];
    for (const version of ran) assert(["1.2.3", "4.5.6"].includes(version), `${where}: ${ran}`);
    assertEquals(Deno.readLinkSync(join(root, "current")), ran.at(-1), where);
    if (step === "launch") assertEquals(ran.at(-1), "1.2.3", `${where}: it was never left`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const CALLS = [
  "openat",
  "write",
  "fsync",
  "rename",
  "renameat",
  "renameat2",
  "symlink",
  "symlinkat",
  "unlink",
  "unlinkat",
];

for (const step of ["switch", "back", "rollback", "launch", "launch_back"] as const) {
  Deno.test({
    name: `killed at every call that changes files (${step}), the launcher starts a whole version`,
    ignore,
    async fn() {
      const root = rootBefore(step);
      const { trace } = await runTraced(programFor(step, root), pathsIn(root));
      await Deno.remove(root, { recursive: true });
      const cases = [...countCalls(trace)].filter(([call]) => CALLS.includes(call)).flatMap(([call, count]) =>
        Array.from({ length: count }, (_, index) => ({ call, when: index + 1 }))
      );
      assert(cases.length > 0, trace);
      const chosen = isNightly
        ? cases
        : cases.filter(({ call }, index) => call !== "openat" || index % 4 === 0);
      for (const { call, when } of chosen) await killedAt(step, call, when);
    },
  });
}

const LAUNCHER_CALLS = ["write", "fsync", "renameat2", "unlinkat"];

/** The launcher's start after a kill is killed as well, at each of its calls; then the power stays. */
async function killedTwice(step: Step, first: { call: string; when: number }): Promise<void> {
  for (const call of LAUNCHER_CALLS) {
    for (let when = 1, goesOn = true; goesOn; when++) {
      const root = rootBefore(step);
      const where =
        `${step}: killed at ${first.call} ${first.when}, then at ${call} ${when} of the next start`;
      try {
        await runTraced(programFor(step, root), pathsIn(root), { ...first, fault: "SIGKILL" });
        const next = programFor("launch", root);
        const { code, trace } = await runTraced(next, pathsIn(root), { call, when, fault: "SIGKILL" });
        goesOn = code === 137 || / = \?$/m.test(trace); // a call that never returned
        const ran = Array.from({ length: 4 }, () => startAgain(root));
        for (const version of ran) assert(["1.2.3", "4.5.6"].includes(version), `${where}: ${ran}`);
        assertEquals(Deno.readLinkSync(join(root, "current")), ran.at(-1), where);
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    }
  }
}

for (const step of ["switch", "back", "launch", "launch_back"] as const) {
  Deno.test({
    name: `killed twice in a row (${step}, then the next start), the launcher starts a whole version`,
    ignore: ignore || !isNightly,
    async fn() {
      const root = rootBefore(step);
      const { trace } = await runTraced(programFor(step, root), pathsIn(root));
      await Deno.remove(root, { recursive: true });
      for (const [call, count] of countCalls(trace)) {
        if (!CALLS.includes(call) || call === "openat") continue;
        for (let when = 1; when <= count; when++) await killedTwice(step, { call, when });
      }
    },
  });
}
