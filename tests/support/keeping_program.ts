// Runs in: tests, main thread.
import { dirname, join } from "@std/path";
import { keepAsLastGood } from "../../src/agent/configuration.ts";
import { openBundle, writeBundle } from "../../src/agent/doctor/bundle.ts";
import { recordProvenVersions, recordVersion } from "../../src/agent/installed_versions.ts";
import { writeKept } from "../../src/agent/kept_values.ts";
import { createDataFolder, createLayout } from "../../src/agent/layout.ts";
import { moveJournals } from "../../src/agent/move_journals.ts";
import { packOldLogs } from "../../src/agent/pack_logs.ts";
import { type Paths, pathsOf } from "../../src/agent/paths.ts";
import { installSteps } from "../../src/agent/service/install.ts";
import { takeSteps } from "../../src/agent/service/steps.ts";
import { setAside, StateFile } from "../../src/agent/state_file.ts";
import { countStart } from "../../src/agent/updater/count_start.ts";
import { removeJournal, writeJournal } from "../../src/agent/updater/journal.ts";
import { rememberReleases } from "../../src/agent/updater/known_releases.ts";
import { readPackageJournal, writePackageJournal } from "../../src/agent/updater/package_journal.ts";
import { restorePrevious } from "../../src/agent/updater/reconfigure.ts";
import { Revisions } from "../../src/agent/updater/revisions.ts";
import { rollBack } from "../../src/agent/updater/roll_back.ts";
import { removeDurably, writeUpdateJournal } from "../../src/agent/updater/update_journal.ts";
import { removeOlderVersions, switchBack } from "../../src/agent/updater/versions.ts";
import { exportMessages } from "../../src/cli/messages_export.ts";
import release from "../../src/cli/release.ts";
import { version } from "../../src/shared/version.ts";
import { compressDay } from "../../src/store/day_archive.ts";
import { notePlaces } from "../../src/store/known_places.ts";
import { markDamaged } from "../../src/store/recovery.ts";
import { layOutEarlierNode } from "./earlier_node.ts";
import { FakeMachine } from "./fake_machine.ts";
import { fakeContext, FakeOutput } from "./fake_output.ts";
import { NEW, script, UpdaterLab } from "./updater_lab.ts";

/** Keeps things in FOLDER, one after the other, and says before each that it begins, and after it that it is done. */
const [folder = ""] = Deno.args;
const PROGRAM = `#!/bin/sh\nexit 0 # ${"x".repeat(10_000)}\n`;
const before = { procedures: [], backends: [] };

type Keeping = (paths: Paths) => unknown;

/** Where a keeping needs something that is there already, it is made before it says that it begins. */
const KEEPINGS: Record<string, Keeping | { given: Keeping; keep: Keeping }> = {
  "init with a binary that is linked": (paths) => init(paths, programIn(dirname(folder))),
  "init with a binary that is copied": (paths) => init(paths, programIn("/dev/shm")),
  "init where the binary is empty": {
    async given(paths) {
      await init(paths, programIn(dirname(folder)));
      Deno.removeSync(join(paths.versionFolder, "ivy"));
      Deno.writeTextFileSync(join(paths.versionFolder, "ivy"), "", { mode: 0o755 });
    },
    keep: (paths) => init(paths, programIn(dirname(folder))),
  },
  "install": async (paths) => {
    using machine = new FakeMachine();
    const installing = Object.assign(machine, { unitFolder: join(folder, "units") });
    Deno.mkdirSync(installing.unitFolder);
    const binary = programIn(dirname(folder));
    const steps = await installSteps({ machine: installing, paths, user: "ivy", binary });
    const syncNames = () => Deno.openSync(folder).syncSync(); // the folder of the units is the system's
    await takeSteps(steps, { dryRun: false, settle: () => Promise.resolve(syncNames()), say: () => {} });
  },
  "an update": {
    async given(paths) {
      lab = new UpdaterLab(undefined, paths.root);
      await lab.publish(script());
    },
    async keep() {
      const [outcome] = (await lab!.ask(null, join(lab!.folder, "web", NEW))).slice(-1);
      if (JSON.stringify(outcome) !== '{"outcome":{"kind":"interrupted"}}') {
        throw new Error(JSON.stringify(outcome));
      }
    },
  },
  "going back by hand": {
    given: twoVersions,
    keep: rollBack,
  },
  "a version that is left": {
    given: twoVersions,
    keep(paths) {
      writeUpdateJournal(paths, updateJournal);
      switchBack(paths, version, "0.1.0");
    },
  },
  "a version that is accepted": {
    async given(paths) {
      await twoVersions(paths);
      writeUpdateJournal(paths, updateJournal);
    },
    keep(paths) {
      rememberReleases(paths, (known) => known.serial = 7);
      removeDurably(paths.update);
      removeOlderVersions(paths, [version]);
    },
  },
  "the move of what version 0.1 kept in data/": {
    given: (paths) => layOutEarlierNode(paths.root),
    keep: moveJournals,
  },
  "what a version gets back that looks for it in data/": {
    given(paths) {
      layOutEarlierNode(paths.root);
      moveJournals(paths);
    },
    keep: rollBack,
  },
  "credentials": (paths) => writeKept(paths, "main", { token: "secret" }),
  "a record of a version": (paths) =>
    recordVersion(paths, "1.2.3", { sha256: "0".repeat(64), size_bytes: 1, came: "by_hand" }),
  "the journal of a configuration": {
    given: createDataFolder,
    keep: ({ reconfiguration }) => writeJournal(reconfiguration, { revision: 1, before, starts: 0 }),
  },
  "that a configuration has proved itself": {
    given(paths) {
      createDataFolder(paths);
      writeJournal(paths.reconfiguration, { revision: 1, before, starts: 0 });
    },
    keep: ({ reconfiguration }) => removeJournal(reconfiguration),
  },
  "that a configuration is given up": {
    async given(paths) {
      await init(paths, undefined);
      Deno.writeTextFileSync(paths.previousConfigFile, "{}");
      writeJournal(paths.reconfiguration, { revision: 1, before, starts: 3 });
    },
    keep: countStart,
  },
  "the configuration before": {
    async given(paths) {
      await init(paths, undefined);
      Deno.writeTextFileSync(paths.previousConfigFile, "{}");
    },
    keep: restorePrevious,
  },
  "the last configuration that ran": {
    given: (paths) => init(paths, undefined),
    keep: (paths) =>
      keepAsLastGood(paths, { config: {} as never, raw: { new: true }, file: "", warnings: [] }),
  },
  "rejected revisions": {
    given: createDataFolder,
    keep: (paths) => new Revisions(paths).reject(3, "for a reason"),
  },
  "what became of a package": {
    given: createDataFolder,
    keep: (paths) => writePackageJournal(paths, readPackageJournal(paths)),
  },
  "the shared state": {
    given: createDataFolder,
    async keep({ stateFile }) {
      const file = await StateFile.open(stateFile);
      await file.write({ a: "1" }, 1000, version);
    },
  },
  "a damaged state that is set aside": {
    given(paths) {
      createDataFolder(paths);
      Deno.writeTextFileSync(paths.stateFile, "no database");
    },
    keep: ({ stateFile }) => setAside(stateFile, 1000),
  },
  "places of backends": {
    given: createDataFolder,
    keep: ({ data }) => notePlaces(data, { storeId: "a", lastId: 1, places: [], corrections: [] }),
  },
  "that the database is damaged": {
    given: createDataFolder,
    keep: ({ data }) => markDamaged(data, "it is no database"),
  },
  "a day that is compressed": {
    given({ messages }) {
      Deno.mkdirSync(messages, { recursive: true });
      Deno.writeTextFileSync(join(messages, "2026-01-01.jsonl"), '{"id":1}\n');
    },
    keep: ({ messages }) => compressDay(messages, "2026-01-01"),
  },
  "a log that is compressed": {
    given({ logs }) {
      Deno.mkdirSync(logs, { recursive: true });
      Deno.writeTextFileSync(join(logs, "2026-01-01.log"), "a line\n");
    },
    keep: ({ logs }) => packOldLogs(logs, Date.parse("2026-02-01")),
  },
  "keys": {
    given: createDataFolder,
    keep: ({ data }) => callRelease(["keygen", join(data, "key")]),
  },
  "signatures and packages": {
    async given(paths) {
      createDataFolder(paths);
      const releasing = new UpdaterLab(undefined, join(paths.root, "unused"));
      await releasing.publish(script());
      await new Deno.Command("cp", {
        args: ["-r", join(releasing.folder, "web", NEW), join(paths.data, "r")],
      })
        .output();
      await releasing[Symbol.asyncDispose]();
      await callRelease(["keygen", join(paths.data, "key")]);
    },
    keep: ({ data }) => callRelease(["sign", join(data, "r")], join(data, "key")),
  },
  "an export": {
    given({ messages }) {
      Deno.mkdirSync(messages, { recursive: true });
      const line = { id: 1, timestamp: 1, message_body: { variant: "data", data: { a: 1 } } };
      Deno.writeTextFileSync(join(messages, "2026-01-01.jsonl"), `${JSON.stringify(line)}\n`);
    },
    async keep({ messages, data }) {
      const context = fakeContext(new FakeOutput(), { flags: { output: join(data, "export.jsonl") } });
      await exportMessages(messages, { request: () => Promise.resolve([]) } as never, context);
    },
  },
  "a bundle": {
    given: createDataFolder,
    async keep(paths) {
      const file = join(paths.data, "bundle.tar.gz");
      await writeBundle({
        output: openBundle(file),
        file,
        paths,
        environment: {},
        surroundings: { read: () => undefined, ask: () => Promise.resolve(undefined) },
        schemas: { procedures: {}, backends: {} },
        findings: [],
        status: null,
        nowMs: 1000,
      });
    },
  },
};

const updateJournal = { version, from: "0.1.0", revision: 1, digest: "d", serial: 7, before };
let lab: UpdaterLab | undefined;

async function init(paths: Paths, binary: string | undefined): Promise<void> {
  createDataFolder(paths);
  createLayout(paths, binary);
  await recordProvenVersions(paths);
}

async function twoVersions(paths: Paths): Promise<void> {
  const old = join(paths.root, "0.1.0");
  Deno.mkdirSync(old, { recursive: true });
  Deno.writeTextFileSync(join(old, "ivy"), PROGRAM, { mode: 0o755 });
  await init(paths, programIn(dirname(folder)));
  Deno.writeTextFileSync(join(paths.versionFolder, "previous"), "0.1.0\n");
}

/** As somebody has just copied it to the machine: not synced. */
function programIn(where: string): string {
  const path = Deno.makeTempFileSync({ dir: where, prefix: "ivy-program-" });
  programs.push(path);
  Deno.writeTextFileSync(path, PROGRAM);
  Deno.chmodSync(path, 0o755);
  return path;
}

async function callRelease(args: string[], key?: string): Promise<void> {
  await release(fakeContext(new FakeOutput(), { args, flags: key === undefined ? {} : { key } }));
}

const programs: string[] = [];
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

for (const [index, [name, keeping]] of Object.entries(KEEPINGS).entries()) {
  const paths = pathsOf(join(folder, `${index}`, "root"));
  const { given, keep } = typeof keeping === "function" ? { given: () => {}, keep: keeping } : keeping;
  await given(paths);
  say(`begin ${name}`);
  await keep(paths);
  say(`done ${name}`);
}
await lab?.[Symbol.asyncDispose]();
for (const program of programs) Deno.removeSync(program);
Deno.exit(0); // what is still open has been judged
