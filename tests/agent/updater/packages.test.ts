// Runs in: tests.
import { assertEquals } from "@std/assert";
import { pathsOf } from "../../../src/agent/paths.ts";
import { type OfferedPackage, Packages } from "../../../src/agent/updater/packages.ts";
import { createLogger } from "../../../src/shared/logger.ts";
import type { PackageOffer, PackageReport } from "../../../src/shared/protocol.ts";
import { version as running } from "../../../src/shared/version.ts";

const OFFER: PackageOffer = {
  title: "ivy-field",
  version: "9.9.9",
  sizeBytes: 5,
  checksum: "ab",
  algorithm: "SHA256",
};

/** What one life of the agent knows of packages; the next one is opened on the same root. */
class Life {
  readonly offered: OfferedPackage[] = [];
  readonly reports: PackageReport[] = [];
  readonly log: string[] = [];
  isThere = true;
  nowMs = 0;
  packages: Packages;
  desk;

  constructor(root: string) {
    Deno.mkdirSync(pathsOf(root).control, { recursive: true });
    this.packages = new Packages({
      paths: pathsOf(root),
      logger: createLogger("updater", ({ subject }) => void this.log.push(subject)),
      bringers: () => [{
        name: "main",
        bringPackage: () => this.isThere,
        tellReport: (report) => void this.reports.push(report),
      }],
      monotonic: () => this.nowMs,
      onOffer: (offered) => void this.offered.push(offered),
    });
    this.desk = this.packages.desk("main");
  }

  get states(): string[] {
    return this.reports.map(({ state, error }) => error === undefined ? state : `${state}: ${error}`);
  }
}

function test(name: string, run: (root: string) => void): void {
  Deno.test(`packages: ${name}`, () => {
    const root = Deno.makeTempDirSync({ prefix: "ivy-packages-" });
    try {
      run(root);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}

test("each state is told once; what the server does not know is told by the next life", (root) => {
  const life = new Life(root);
  life.desk.offered(OFFER);
  assertEquals(life.offered, [{ backend: "main", offer: OFFER }]);
  life.packages.begin(life.offered[0]!);
  for (const state of ["DOWNLOADING", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"] as const) {
    life.packages.advance("9.9.9", state);
  }
  life.packages.advance("1.1.1", "FAILED", "another version");
  assertEquals(life.states, ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"]);
  life.desk.told(1);
  life.desk.told(2);
  const next = new Life(root);
  assertEquals(next.desk.untold().map(({ state }) => state), ["VERIFIED", "UPDATING"]);
  assertEquals(next.packages.desk("another").untold(), []);
  assertEquals(next.packages.title, "ivy");
  next.packages.advance("9.9.9", "UPDATED");
  assertEquals([next.states, next.packages.title], [["UPDATED"], "ivy-field"]);
  assertEquals(next.reports[0]!.currentTitle, "ivy-field");
});

test("one that is over is not taken up again until another is assigned, or a person asks for it", (root) => {
  const life = new Life(root);
  life.desk.offered(OFFER);
  life.packages.begin(life.offered[0]!);
  life.packages.advance("9.9.9", "FAILED", "it is stuck");
  const next = new Life(root);
  next.desk.offered(OFFER);
  assertEquals([next.offered, next.states], [[], []]);
  next.desk.offered({ ...OFFER, checksum: "cd" });
  assertEquals(next.offered.length, 1);
  assertEquals(next.packages.find("9.9.9")?.offer.checksum, "cd");
  next.packages.begin({ backend: "main", offer: OFFER });
  next.packages.advance("9.9.9", "DOWNLOADING");
  assertEquals(next.states, ["DOWNLOADING"]);
});

test("one that runs already is told to be there", (root) => {
  const life = new Life(root);
  life.desk.offered({ ...OFFER, version: running });
  life.desk.offered({ ...OFFER, version: running });
  assertEquals([life.offered, life.states], [[], ["UPDATED"]]);
});

test("the running version's own package is left to its probation", (root) => {
  const life = new Life(root);
  life.packages.begin({ backend: "main", offer: { ...OFFER, version: running } });
  life.packages.advance(running, "UPDATING");
  life.desk.offered({ ...OFFER, version: running });
  assertEquals([life.offered, life.states], [[], ["UPDATING"]]);
});

test("what cannot be used is refused with its reason, once", (root) => {
  const fault = "the checksum must be SHA256";
  for (let round = 0; round < 2; round++) {
    const life = new Life(root);
    for (let i = 0; i < 2; i++) life.desk.offered({ title: "ivy", version: "9.9.9", fault });
    assertEquals(life.states, round === 0 ? [`FAILED: ${fault}`] : []);
    assertEquals(life.packages.find("9.9.9"), undefined);
  }
});

test("a package that is taken back can be found no more; nobody can bring it without its backend", (root) => {
  const life = new Life(root);
  life.desk.offered(OFFER);
  assertEquals(life.packages.find(null)?.backend, "main");
  const port = life.packages.open("main");
  port!.close();
  life.isThere = false;
  assertEquals(life.packages.open("main"), undefined);
  life.desk.offered(null);
  assertEquals(life.packages.find(null), undefined);
});

test("a refusal is one write, and a flood of offers only some: the disk is not the server's", (root) => {
  const life = new Life(root);
  const rename = Deno.renameSync;
  let writes = 0;
  Deno.renameSync = (from, to) => {
    writes++;
    rename(from, to);
  };
  try {
    life.desk.offered({ title: "ivy", version: "9.9.9", fault: "it has an address" });
    assertEquals([writes, life.states], [1, ["FAILED: it has an address"]]);
    for (let i = 0; i < 2000; i++) {
      life.nowMs += 5;
      life.desk.offered({ title: `T${i}`, version: `9.9.${i}`, fault: "it has an address" });
      life.desk.told(1_000_000 + i);
    }
    assertEquals([writes, life.log.length, life.states.length], [23, 23, 23]);
    life.nowMs += 10_000;
    life.desk.offered({ title: "last", version: "9.9.9", fault: "it has an address" });
    assertEquals(writes, 24);
  } finally {
    Deno.renameSync = rename;
  }
});

test("a damaged journal counts as none", (root) => {
  Deno.mkdirSync(pathsOf(root).control, { recursive: true });
  for (const text of ["", "{", '{"untold":5}', "null"]) {
    Deno.writeTextFileSync(pathsOf(root).package, text);
    const life = new Life(root);
    assertEquals([life.packages.title, life.desk.untold()], ["ivy", []]);
  }
});
