// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { readKept } from "../../src/agent/kept_values.ts";
import { LAUNCHER } from "../../src/agent/launcher.ts";
import { createDataFolder, createLayout } from "../../src/agent/layout.ts";
import { keepsJournalsInData, moveJournals } from "../../src/agent/move_journals.ts";
import { exists, type Paths, pathsOf } from "../../src/agent/paths.ts";
import { readKnownReleases } from "../../src/agent/updater/known_releases.ts";
import { readPackageJournal } from "../../src/agent/updater/package_journal.ts";
import { Revisions } from "../../src/agent/updater/revisions.ts";
import { rollBack } from "../../src/agent/updater/roll_back.ts";
import { readCounter, readUpdateJournal } from "../../src/agent/updater/update_journal.ts";
import { version as running } from "../../src/shared/version.ts";
import {
  EARLIER,
  EARLIER_JOURNALS,
  EARLIER_LAUNCHER,
  EARLIER_PROBATION,
  layOutEarlierNode,
} from "../support/earlier_node.ts";
import { countCalls, runTraced } from "../support/fault_injection.ts";
import { needs } from "../support/needs.ts";
import { temporariesOf } from "../support/temporary_names.ts";

function test(name: string, fn: (root: string) => void | Promise<void>): void {
  Deno.test(name, async () => {
    const folder = Deno.makeTempDirSync({ prefix: "ivy-move-" });
    try {
      await fn(join(folder, "root"));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

/** What the agent knows, wherever it lies. */
function knowledge(paths: Paths) {
  return {
    rejected: [...new Revisions(paths).rejected],
    serial: readKnownReleases(paths)!.serial,
    failed: readKnownReleases(paths)!.failed,
    title: readPackageJournal(paths).installedTitle,
    token: readKept(paths, "main"),
  };
}

const KNOWN = {
  rejected: [5],
  serial: 7,
  failed: { d: "it fell" },
  title: "ours",
  token: { token: "given once" },
};

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function launch(root: string, word = "run"): string {
  const { stdout } = new Deno.Command("dash", { args: [join(root, "ivy"), word], stdin: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout).trim();
}

test("what version 0.1 left in data/ moves to control/, which is main's alone, and the launcher with it", (root) => {
  const paths = layOutEarlierNode(root);
  assertEquals(knowledge(paths), KNOWN);
  assertEquals(createDataFolder(paths), []);
  assertEquals(createLayout(paths), [
    `moved journals and credentials from ${paths.data} to ${paths.control}`,
  ]);
  assertEquals(knowledge(paths), KNOWN);
  assertEquals(namesIn(paths.data), ["run.lock"], "0.1 is kept out by it");
  assertEquals(Deno.statSync(paths.control).mode! & 0o777, 0o700);
  assertEquals(Deno.statSync(join(paths.kept, "main.json")).mode! & 0o777, 0o600);
  assertEquals(Deno.readTextFileSync(paths.launcher), LAUNCHER);
  assertEquals([launch(root), keepsJournalsInData(paths, EARLIER), keepsJournalsInData(paths, running)], [
    running,
    true,
    false,
  ]);
  assertEquals(moveJournals(paths), []);
});

test("while 0.1 may come back by itself, everything stays where it and its launcher look for it", (root) => {
  const paths = layOutEarlierNode(root, EARLIER_PROBATION);
  createDataFolder(paths);
  assertEquals(createLayout(paths), []);
  assertEquals(namesIn(paths.data), [
    "backends",
    "offered_package.json",
    "probation",
    "releases.json",
    "revisions.json",
    "run.lock",
    "update.json",
  ]);
  assertEquals([exists(paths.control), Deno.readTextFileSync(paths.launcher)], [false, EARLIER_LAUNCHER]);
  assertEquals([readCounter(paths)?.starts, readUpdateJournal(paths)?.from], [1, EARLIER]);
  assertEquals(
    [paths.lockFile, paths.socket],
    ["run.lock", "ivy.sock"].map((name) => join(paths.data, name)),
  );
  for (let start = 0; start < 3; start++) launch(root);
  assertEquals(Deno.readLinkSync(paths.current), EARLIER, "0.1's launcher can go back");
  assertEquals(knowledge(paths), KNOWN);
});

test("an acceptance of which the power left a half is told: the journal moves, the counter does not", (root) => {
  const paths = layOutEarlierNode(root, { "update.json": EARLIER_PROBATION["update.json"]! });
  moveJournals(paths);
  assertEquals(readUpdateJournal(paths)?.revision, 3);
  assertEquals([paths.update, exists(paths.probation)], [join(paths.control, "update.json"), false]);
});

test("from then on data/ is not believed, and what lies there is removed", (root) => {
  const paths = layOutEarlierNode(root);
  moveJournals(paths);
  for (
    const [name, text] of Object.entries({ ...EARLIER_PROBATION, "releases.json": '{"serial":0}', ivy: "" })
  ) {
    Deno.writeTextFileSync(join(paths.data, name), text);
  }
  Deno.mkdirSync(join(paths.data, "backends"));
  Deno.writeTextFileSync(join(paths.data, "backends", "main.json"), '{"token":"planted"}');
  assertEquals(knowledge(paths), KNOWN);
  assertEquals([readUpdateJournal(paths), readCounter(paths)], [undefined, undefined]);
  assertEquals(launch(root), running);
  createDataFolder(paths);
  createLayout(paths);
  assertEquals(knowledge(paths), KNOWN);
  assertEquals(namesIn(paths.data), ["ivy", "run.lock"]);
});

test("a journal of which data/ has only a link is none", (root) => {
  const paths = layOutEarlierNode(root);
  const secret = join(root, "secret");
  Deno.writeTextFileSync(secret, JSON.stringify({ rejected: [{ revision: 99 }], accepted: [] }));
  Deno.removeSync(join(paths.data, "revisions.json"));
  Deno.symlinkSync(secret, join(paths.data, "revisions.json"));
  moveJournals(paths);
  assertEquals([...new Revisions(paths).rejected], []);
  assertEquals([exists(secret), exists(join(paths.data, "revisions.json"))], [true, false]);
});

test("back to 0.1 by hand: it finds all that it looks for; when this version comes again, it takes over", (root) => {
  const paths = layOutEarlierNode(root);
  moveJournals(paths);
  new Revisions(paths).reject(6, "of this version");
  Deno.writeTextFileSync(join(paths.control, "update.json"), EARLIER_PROBATION["update.json"]!);
  assertEquals(rollBack(paths), EARLIER);
  assertEquals(launch(root), EARLIER);
  const earlier = {
    revisions: join(paths.data, "revisions.json"),
    releases: join(paths.data, "releases.json"),
  };
  assertEquals([...new Revisions(earlier).rejected], [5, 6]);
  assertEquals(readKnownReleases(earlier)!.serial, 7);
  assertEquals(Deno.readTextFileSync(join(paths.data, "backends/main.json")), '{"token":"given once"}');
  assertEquals(exists(join(paths.data, "update.json")), false);

  // 0.1 starts: it installs its launcher, works with what is in data/, and updates to this version
  Deno.writeTextFileSync(paths.launcher, EARLIER_LAUNCHER);
  new Revisions(earlier).reject(8, "of 0.1");
  Deno.writeTextFileSync(join(paths.data, "releases.json"), '{"serial":3}');
  for (const [name, text] of Object.entries(EARLIER_PROBATION)) {
    Deno.writeTextFileSync(join(paths.data, name), text);
  }
  Deno.removeSync(paths.current);
  Deno.symlinkSync(running, paths.current);
  const again = pathsOf(root);
  createDataFolder(again);
  assertEquals(createLayout(again), []);
  assertEquals(readCounter(again)?.starts, 1, "what was in control/ before is not believed");
  for (const name of ["probation", "update.json"]) Deno.removeSync(join(paths.data, name)); // accepted
  assertEquals(moveJournals(again).length, 1);
  assertEquals([...new Revisions(again).rejected], [5, 6, 8]);
  assertEquals(readKnownReleases(again)!.serial, 7, "the highest serial that was ever accepted counts");
  assertEquals([readUpdateJournal(again), readCounter(again)], [undefined, undefined]);
});

test("a binary in the place of 0.1's launcher: a node that was updated by hand is moved as well", (root) => {
  const paths = layOutEarlierNode(root);
  const binary = join(root, running, "ivy");
  Deno.writeTextFileSync(paths.launcher, `#!/bin/sh\n${"#".repeat(100_000)}`);
  assertEquals(paths.lockFile, join(paths.data, "run.lock"), "a 0.1 that still runs is found");
  createDataFolder(paths);
  assertEquals(createLayout(paths, binary).length, 2);
  assertEquals([knowledge(paths), Deno.readTextFileSync(paths.launcher)], [KNOWN, LAUNCHER]);
});

const PROGRAM = fromFileUrl(new URL("../support/move_program.ts", import.meta.url));
const CALLS = [
  "openat",
  "mkdir",
  "write",
  "fsync",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "symlink",
];

function rootBefore(root: string, step: "move" | "back"): Paths {
  const paths = layOutEarlierNode(root);
  if (step === "back") moveJournals(paths);
  return paths;
}

/** Every path that a step may change; strace looks at no others. */
function pathsIn({ root, data, control, launcher, current }: Paths): string[] {
  const folders = [data, control, `${control}.new`];
  const names = [
    ...Object.keys(EARLIER_JOURNALS),
    "earlier_versions.json",
    "backends",
    "update.json",
    "probation",
  ];
  const files = [launcher, current, ...folders.flatMap((folder) => names.map((name) => join(folder, name)))];
  return [root, ...folders, ...files, ...files.flatMap(temporariesOf)];
}

for (const step of ["move", "back"] as const) {
  Deno.test({
    name: `killed at every call that changes files (${step}), the node starts and nothing is forgotten`,
    ignore: needs("strace") !== undefined,
    async fn() {
      const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
      const inFolder = async (work: (paths: Paths, program: string[]) => Promise<void>) => {
        const folder = Deno.makeTempDirSync({ prefix: "ivy-move-" });
        const root = join(folder, "root");
        const program = ["run", "--quiet", "--allow-all", "--config", config, PROGRAM, root, step];
        await work(rootBefore(root, step), [Deno.execPath(), ...program]);
        Deno.removeSync(folder, { recursive: true });
      };
      let counts = new Map<string, number>();
      await inFolder(async (paths, program) => {
        counts = countCalls((await runTraced(program, pathsIn(paths))).trace);
      });
      const cases = [...counts].filter(([call]) => CALLS.includes(call)).flatMap(([call, count]) =>
        Array.from({ length: count }, (_, index) => ({ call, when: index + 1 }))
      ).filter(({ call }, index) => call !== "openat" || index % 4 === 0);
      assert(cases.length > 10, `${[...counts]}`);
      for (const { call, when } of cases) {
        await inFolder(async (paths, program) => {
          const where = `killed at ${call} ${when}`;
          await runTraced(program, pathsIn(paths), { call, when, fault: "SIGKILL" });
          checkWhole(paths, where);
        });
      }
    },
  });
}

/** Whichever version is active finds all that was known where it looks for it; the next start of this one goes on. */
function checkWhole(paths: Paths, where: string): void {
  const active = Deno.readLinkSync(paths.current);
  assertEquals(launch(paths.root), active, where);
  if (active === EARLIER) {
    assertEquals(
      Deno.readTextFileSync(join(paths.data, "backends/main.json")).trim(),
      '{"token":"given once"}',
      where,
    );
    return;
  }
  assertEquals(knowledge(paths), KNOWN, where);
  createDataFolder(paths);
  createLayout(paths);
  assertEquals(knowledge(paths), KNOWN, where);
  assertEquals([Deno.readTextFileSync(paths.launcher) === LAUNCHER, namesIn(paths.data)], [true, [
    "run.lock",
  ]], where);
}
