// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { CommandError } from "../../../src/agent/errors.ts";
import {
  describeBinary,
  isAsRecorded,
  readInstalledVersions,
  recordProvenVersions,
  recordVersion,
} from "../../../src/agent/installed_versions.ts";
import { exists, pathsOf } from "../../../src/agent/paths.ts";
import { resumeUpgrade } from "../../../src/agent/updater/probation.ts";
import { rollBack } from "../../../src/agent/updater/roll_back.ts";
import { writeUpdateJournal } from "../../../src/agent/updater/update_journal.ts";
import { previousOf, removeOlderVersions, switchTo } from "../../../src/agent/updater/versions.ts";
import { createLogger } from "../../../src/shared/logger.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../../src/shared/release.ts";
import { version as running } from "../../../src/shared/version.ts";
import { NEW, script, UpdaterLab } from "../../support/updater_lab.ts";

const PROGRAM = "#!/bin/sh\n";

/** A root with the running version and whatever a test puts beside it. */
class Lab implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-versions-" });
  readonly paths = pathsOf(join(this.folder, "root"));

  constructor() {
    this.install(running);
    Deno.symlinkSync(running, this.paths.current);
  }

  write(name: string, text: string, mode = 0o644): void {
    const path = join(this.paths.root, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text, { mode });
  }

  install(version: string, previous?: string): void {
    this.write(`${version}/ivy`, PROGRAM, 0o755);
    this.write(`${version}/config/config.json`, "{}");
    this.write(`${version}/config/config.last_good.json`, "{}");
    if (previous !== undefined) this.write(`${version}/previous`, `${previous}\n`);
  }

  async record(version: string): Promise<void> {
    recordVersion(
      this.paths,
      version,
      await describeBinary(join(this.paths.root, version, "ivy"), "release"),
    );
  }

  has(name: string): boolean {
    return exists(join(this.paths.root, name));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** What Python Ivy lays out: a version's folder with its sources, its environment, and its archive. */
function installPythonIvy(lab: Lab, version = "1.1.0"): void {
  lab.write(`${version}/config/config.json`, `{"general": {"software_version": "${version}"}}`);
  lab.write(`${version}/data/archive/2024-01-01.csv`, "the archive");
  lab.write(`${version}/src/main.py`, "");
  lab.write(`${version}/.venv/bin/python`, "");
}

Deno.test("a folder of Python Ivy beside the versions stays, archive and all, when a version is accepted", async () => {
  using lab = new Lab();
  lab.install("0.1.5");
  installPythonIvy(lab);
  await lab.record("0.1.5");
  writeUpdateJournal({ ...lab.paths, update: join(lab.folder, "update.json") }, {
    version: running,
    from: "0.1.9",
    revision: null,
    digest: null,
    serial: null,
    before: { procedures: [], backends: [] },
  });
  const log: string[] = [];
  await resumeUpgrade({
    paths: { ...lab.paths, update: join(lab.folder, "update.json") },
    vitals: {
      failures: () => ({}),
      health: () => ({ procedures: [], backends: [] }),
      fault: () => undefined,
    },
    present: { procedures: [], backends: [] },
    probationMs: 1,
    logger: createLogger("updater", ({ subject }) => void log.push(subject)),
    restart: () => {},
    signal: new AbortController().signal,
    onPhase: () => {},
  });
  assert(lab.has("1.1.0/data/archive/2024-01-01.csv"), "the archive is gone");
  assert(!lab.has("0.1.5"), "what is on record as this program's own goes");
  assertStringIncludes(log.join("\n"), "removed 0.1.5");
});

const FOREIGN: [name: string, plant: (lab: Lab) => void, word: string][] = [
  ["a folder with data", (lab) => lab.write("1.0.0/data/precious", ""), "holds data"],
  ["an environment of Python", (lab) => lab.write("1.0.0/.venv/x", ""), "holds .venv"],
  ["a file beside the binary", (lab) => lab.write("1.0.0/notes.txt", ""), "holds notes.txt"],
  ["a file beside the configuration", (lab) => lab.write("1.0.0/config/ca.pem", ""), "holds config/ca.pem"],
  ["a link in the place of the configuration's folder", (lab) => {
    lab.write("elsewhere/config.json", "{}");
    Deno.removeSync(join(lab.paths.root, "1.0.0/config"), { recursive: true });
    Deno.symlinkSync("../elsewhere", join(lab.paths.root, "1.0.0/config"));
  }, "holds config"],
  ["a link in the place of the binary", (lab) => {
    lab.write("elsewhere/ivy", PROGRAM, 0o755);
    Deno.removeSync(join(lab.paths.root, "1.0.0/ivy"));
    Deno.symlinkSync("../elsewhere/ivy", join(lab.paths.root, "1.0.0/ivy"));
  }, "holds ivy"],
];

for (const [name, plant, word] of FOREIGN) {
  Deno.test(`a version on record stays whole, and it is said, because of ${name}`, async () => {
    using lab = new Lab();
    lab.install("1.0.0");
    await lab.record("1.0.0");
    plant(lab);
    const { removed, obstacles } = removeOlderVersions(lab.paths, [running]);
    assertEquals([removed, obstacles.length], [[], 1]);
    assertStringIncludes(obstacles[0]!, `${join(lab.paths.root, "1.0.0")} ${word}`);
    assert(lab.has("1.0.0/ivy") && lab.has("1.0.0/config"));
  });
}

Deno.test("a version's folder that is a link stays, and so does what it leads to", async () => {
  using lab = new Lab();
  lab.install("elsewhere");
  Deno.symlinkSync("elsewhere", join(lab.paths.root, "1.0.0"));
  await lab.record("1.0.0");
  const { removed, obstacles } = removeOlderVersions(lab.paths, [running]);
  assertEquals([removed, obstacles.length], [[], 1]);
  assert(lab.has("1.0.0") && lab.has("elsewhere/ivy"));
});

Deno.test("a node of 0.1 has no record: what previous leads to is this program's, a lonely folder is not", () => {
  using lab = new Lab();
  lab.install(running, "0.1.3");
  lab.install("0.1.3", "0.1.2");
  lab.install("0.1.2", "0.1.1");
  lab.install("0.1.1", "0.1.3"); // a circle has an end
  lab.install("0.0.9");
  lab.write("0.1.0/config/config.json", "{}");
  assertEquals(removeOlderVersions(lab.paths, [running, "0.1.3"]), {
    removed: ["0.1.1", "0.1.2"],
    obstacles: [],
  });
  assert(["0.1.3/ivy", "0.0.9/ivy", "0.1.0/config/config.json"].every((name) => lab.has(name)));
});

Deno.test("on a node of 0.1, what previous leads to is not this program's when it holds more", () => {
  using lab = new Lab();
  lab.install(running, "1.1.0");
  lab.write("1.1.0/ivy", PROGRAM, 0o755);
  installPythonIvy(lab);
  assertEquals(removeOlderVersions(lab.paths, [running]).removed, []);
  assert(lab.has("1.1.0/data/archive/2024-01-01.csv"));
});

Deno.test("what an interrupted removal or replacement has left goes, too; a record of nothing is forgotten", async () => {
  using lab = new Lab();
  lab.install("1.0.0");
  await lab.record("1.0.0");
  Deno.removeSync(join(lab.paths.root, "1.0.0/ivy"));
  lab.write("1.0.0/ivy.tmp", "half a binary");
  lab.write("1.0.0/config/config.json.tmp", "half a configuration");
  lab.write("1.0.0/SHA256SUMS", "");
  assertEquals(removeOlderVersions(lab.paths, [running]), { removed: ["1.0.0"], obstacles: [] });
  recordVersion(lab.paths, "1.2.3", { sha256: "0".repeat(64), size_bytes: 1, came: "by_hand" });
  removeOlderVersions(lab.paths, [running]);
  assertEquals([...readInstalledVersions(lab.paths).keys()], []);
});

Deno.test("a version does not take the place of a foreign folder, a link or an unknown one", async () => {
  const plants: [plant: (lab: Lab) => void, kept: string][] = [
    [(lab) => installPythonIvy(lab), "1.1.0/data/archive/2024-01-01.csv"],
    [(lab) => lab.install("1.1.0"), "1.1.0/config/config.json"],
    [(lab) => {
      lab.write("elsewhere/precious", "");
      Deno.symlinkSync("elsewhere", join(lab.paths.root, "1.1.0"));
    }, "1.1.0/precious"],
  ];
  for (const [plant, kept] of plants) {
    using lab = new Lab();
    plant(lab);
    lab.install("staging/1.1.0");
    const laidOut = join(lab.paths.staging, "1.1.0");
    const installed = await describeBinary(join(laidOut, "ivy"), "release");
    assertThrows(
      () => switchTo(lab.paths, { version: "1.1.0", from: running, laidOut, installed, limitSeconds: 1 }),
      Error,
      "Ivy did not put that there and does not remove it; move it away",
    );
    assert(lab.has(kept));
    assertEquals([Deno.readLinkSync(lab.paths.current), lab.has("data/probation")], [running, false]);
    assertEquals(readInstalledVersions(lab.paths).has("1.1.0"), false);
  }
});

Deno.test("a version takes the place of an earlier attempt of its own", async () => {
  using lab = new Lab();
  Deno.mkdirSync(lab.paths.data);
  for (const text of ["#!/bin/sh\necho first\n", "#!/bin/sh\necho second\n"]) {
    lab.install("staging/1.1.0");
    lab.write("staging/1.1.0/ivy", text, 0o755);
    const laidOut = join(lab.paths.staging, "1.1.0");
    const installed = await describeBinary(join(laidOut, "ivy"), "release");
    switchTo(lab.paths, { version: "1.1.0", from: running, laidOut, installed, limitSeconds: 1 });
    assertEquals(Deno.readTextFileSync(join(lab.paths.root, "1.1.0", "ivy")), text);
    assertEquals(await isAsRecorded(lab.paths, "1.1.0"), true);
  }
});

Deno.test("the first start records the running version and those before it; a change of a binary is seen", async () => {
  using lab = new Lab();
  lab.install(running, "0.1.3");
  lab.install("0.1.3");
  lab.install("0.0.9");
  await recordProvenVersions(lab.paths);
  const came = [...readInstalledVersions(lab.paths)].map(([version, { came }]) => [version, came]);
  assertEquals(came, [[running, "by_hand"], ["0.1.3", "found"]]);
  assertEquals(Deno.statSync(dirname(lab.paths.versions)).mode! & 0o777, 0o700);
  assertEquals(await isAsRecorded(lab.paths, "0.1.3"), true);
  lab.write("0.1.3/ivy", "#!/bin/zz\n", 0o755);
  assertEquals(await isAsRecorded(lab.paths, "0.1.3"), false);
  const before = Deno.readTextFileSync(lab.paths.versions);
  await recordProvenVersions(lab.paths);
  assertEquals(Deno.readTextFileSync(lab.paths.versions), before, "what is on record stays as it was");
});

for (
  const damage of ["", "[]", "null", '{"../x": {}}', '{"1.0.0": 5}', '{"1.0.0": {"sha256": "x"}}', "\0\0"]
) {
  Deno.test(`a damaged record counts as none: ${JSON.stringify(damage)}`, () => {
    using lab = new Lab();
    lab.write("control/versions.json", damage);
    lab.install("1.0.0");
    assertEquals([...readInstalledVersions(lab.paths)], []);
    assertEquals(removeOlderVersions(lab.paths, [running]), { removed: [], obstacles: [] });
    assert(lab.has("1.0.0/ivy"));
  });
}

Deno.test("a release keeps its signed list beside it, and is on record as one; a folder is as by hand", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  assertEquals((await lab.ask(NEW)).at(-1), { outcome: { kind: "interrupted" } });
  const web = join(lab.folder, "web", NEW);
  for (const name of [SUMS_NAME, SIGNATURES_NAME]) {
    assertEquals(
      Deno.readTextFileSync(join(lab.paths.root, NEW, name)),
      Deno.readTextFileSync(join(web, name)),
    );
  }
  const recorded = readInstalledVersions(lab.paths).get(NEW)!;
  assertEquals([recorded.came, recorded.size_bytes], ["release", script().length]);
  assertStringIncludes(Deno.readTextFileSync(join(web, SUMS_NAME)), recorded.sha256);
  await using byHand = new UpdaterLab();
  await byHand.publish(script());
  await byHand.ask(null, join(byHand.folder, "web", NEW));
  assertEquals(readInstalledVersions(byHand.paths).get(NEW)?.came, "by_hand");
});

Deno.test("a foreign folder with the version's name postpones the update before anything is downloaded", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const precious = join(lab.paths.root, NEW, "data", "precious");
  Deno.mkdirSync(dirname(precious), { recursive: true });
  Deno.writeTextFileSync(precious, "");
  const [last] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
  assertEquals(last!.outcome.kind, "postponed");
  assertMatch(last!.outcome.reason, /4\.5\.6 holds data: Ivy did not put that there/);
  assertEquals([exists(precious), lab.server.served], [true, []]);
});

Deno.test("what somebody keeps in the folder for downloads stays; a link in its place is refused", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const { staging } = lab.paths;
  Deno.mkdirSync(staging);
  Deno.writeTextFileSync(join(staging, "precious.txt"), "");
  assertEquals((await lab.ask(NEW)).at(-1), { outcome: { kind: "interrupted" } });
  assertEquals([...Deno.readDirSync(staging)].map(({ name }) => name), ["precious.txt"]);

  await using linked = new UpdaterLab();
  await linked.publish(script());
  const elsewhere = join(linked.folder, "elsewhere");
  Deno.mkdirSync(elsewhere);
  Deno.symlinkSync(elsewhere, linked.paths.staging);
  const [last] = (await linked.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
  assertMatch(last!.outcome.reason, /staging is no folder of its own/);
  assertEquals([...Deno.readDirSync(elsewhere)], []);
});

Deno.test("a version before whose binary has changed since it was recorded is fetched anew", async () => {
  await using lab = new UpdaterLab();
  const { paths } = lab;
  await lab.publish(script());
  Deno.mkdirSync(join(paths.root, NEW));
  const changed = script("exit 0 # changed");
  Deno.writeTextFileSync(join(paths.root, NEW, "ivy"), changed, { mode: 0o755 });
  Deno.writeTextFileSync(join(paths.versionFolder, "previous"), `${NEW}\n`);
  recordVersion(paths, NEW, { sha256: "0".repeat(64), size_bytes: changed.length, came: "release" });
  assertEquals((await lab.ask(NEW)).at(-1), { outcome: { kind: "interrupted" } });
  assertEquals(Deno.readTextFileSync(join(paths.root, NEW, "ivy")), script());
  assertEquals(Deno.readLinkSync(paths.current), NEW);
});

Deno.test("nobody goes back to a binary that a power cut has emptied or cut off", async () => {
  using lab = new Lab();
  lab.install(running, "0.1.3");
  lab.install("0.1.3");
  await recordProvenVersions(lab.paths);
  assertEquals(previousOf(lab.paths, running), "0.1.3");
  for (const sizeBytes of [5, 0]) {
    Deno.truncateSync(join(lab.paths.root, "0.1.3", "ivy"), sizeBytes);
    assertThrows(() => rollBack(lab.paths), CommandError, "is the only version on");
  }
  assertEquals(Deno.readLinkSync(lab.paths.current), running);
});
