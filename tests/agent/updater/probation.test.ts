// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { recordVersion } from "../../../src/agent/installed_versions.ts";
import { exists, type Paths, pathsOf } from "../../../src/agent/paths.ts";
import { readKnownReleases } from "../../../src/agent/updater/known_releases.ts";
import { leaveAtOnce, resumeUpgrade } from "../../../src/agent/updater/probation.ts";
import {
  readCounter,
  type UpdateJournal,
  writeUpdateJournal,
} from "../../../src/agent/updater/update_journal.ts";
import { rollBack } from "../../../src/agent/updater/roll_back.ts";
import { createLogger } from "../../../src/shared/logger.ts";
import { version as running } from "../../../src/shared/version.ts";

const OTHER = "9.9.9";
const BOOT = "0123abcd";

/** What lies on the disk at a start. */
interface Found {
  journal?: Partial<UpdateJournal>;
  counter?: string;
  /** Backends that are connected now. */
  connected?: string[];
  failing?: boolean;
}

/** A root with this version and another, in the middle of an update. */
class Lab implements Disposable {
  readonly paths: Paths = pathsOf(Deno.makeTempDirSync({ prefix: "ivy-probation-" }));
  readonly restarts: string[] = [];
  readonly phases: string[] = [];

  constructor({ journal, counter }: Found) {
    Deno.mkdirSync(this.paths.data);
    Deno.mkdirSync(this.paths.control);
    for (const [version, previous] of [[running, OTHER], [OTHER, running]] as const) {
      Deno.mkdirSync(join(this.paths.root, version));
      Deno.writeTextFileSync(join(this.paths.root, version, "ivy"), "binary");
      Deno.writeTextFileSync(join(this.paths.root, version, "previous"), `${previous}\n`);
    }
    Deno.mkdirSync(join(this.paths.root, "1.0.0"));
    Deno.writeTextFileSync(join(this.paths.root, "1.0.0", "ivy"), "an older binary");
    recordVersion(this.paths, "1.0.0", { sha256: "0".repeat(64), size_bytes: 15, came: "release" });
    Deno.symlinkSync(running, this.paths.current);
    const before = { procedures: ["walk"], backends: ["main"] };
    const whole = { version: OTHER, from: running, revision: 5, digest: "d", serial: 7, before };
    if (journal !== undefined) writeUpdateJournal(this.paths, { ...whole, ...journal });
    if (counter !== undefined) Deno.writeTextFileSync(this.paths.probation, counter);
  }

  async resume({ connected = ["main"], failing = false }: Found) {
    return await resumeUpgrade({
      paths: this.paths,
      vitals: {
        failures: () => failing ? { walk: "it stumbled" } : {},
        health: () => ({ procedures: ["walk"], backends: connected }),
        fault: () => undefined,
      },
      present: { procedures: ["walk"], backends: ["main"] },
      probationMs: 60,
      logger: createLogger("updater", () => {}),
      restart: (reason) => this.restarts.push(reason),
      signal: new AbortController().signal,
      onPhase: (phase) => this.phases.push(phase === undefined ? "over" : phase.kind),
      reachLimitMs: 30,
    });
  }

  has(name: string): boolean {
    return exists(join(this.paths.root, name));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.paths.root, { recursive: true });
  }
}

const ON_PROBATION = { version: running, from: OTHER };

const CASES: [name: string, found: Found, outcome: string | undefined, reason?: string][] = [
  ["nothing", {}, undefined],
  ["a counter without its journal", { counter: `${OTHER} ${running} 0 60 -\n` }, undefined],
  ["the power went before the counter was written", { journal: {} }, undefined],
  ["the power went before the switch", { journal: {}, counter: `${OTHER} ${running} 0 60 -\n` }, undefined],
  ["a journal of other versions", { journal: { from: "1.1.1", version: "2.2.2" } }, undefined],
  [
    "the launcher went back at once",
    { journal: {}, counter: `${OTHER} ${running} back 60 -,${BOOT}\n` },
    "rejected",
    "it could not be started",
  ],
  [
    "the launcher went back after three starts",
    { journal: {}, counter: `${OTHER} ${running} back 60 -,${BOOT},${BOOT},${BOOT}\n` },
    "rejected",
    "it did not get well in 3 starts",
  ],
  [
    "a start hung",
    { journal: {}, counter: `${OTHER} ${running} back 60 -,${BOOT},${BOOT},hung,${BOOT}\n` },
    "rejected",
    "it did not get well in 3 starts: it hung and had to be ended",
  ],
  [
    "the launcher went back and was killed before it could say so",
    { journal: {}, counter: `${OTHER} ${running} 3 60 -,${BOOT},${BOOT},${BOOT}\n` },
    "rejected",
    "it did not get well in 3 starts",
  ],
  [
    "each start was another boot of the machine",
    { journal: {}, counter: `${OTHER} ${running} back 60 -,11111111,22222222,33333333\n` },
    "postponed",
    "the machine was started anew each time",
  ],
  [
    "it said itself why it was left",
    { journal: { failure: "the valve leaks" }, counter: `${OTHER} ${running} back 0 -\n` },
    "rejected",
    "the valve leaks",
  ],
  [
    "a backend that the old version reaches",
    {
      journal: { failure: "the backend main does not come back" },
      counter: `${OTHER} ${running} back 0 -\n`,
    },
    "rejected",
    "the backend main does not come back",
  ],
  [
    "a backend that the old version does not reach either",
    {
      journal: { failure: "the backend main does not come back" },
      counter: `${OTHER} ${running} back 0 -\n`,
      connected: [],
    },
    "postponed",
    "the old version does not reach it either",
  ],
  ["it stays well", { journal: ON_PROBATION, counter: `${running} ${OTHER} 1 60 -,${BOOT}\n` }, "accepted"],
  ["the power went while it was accepted", { journal: ON_PROBATION }, "accepted"],
];

Deno.test("a version whose update journal is damaged is watched as long as any other", async () => {
  using lab = new Lab({ journal: ON_PROBATION, counter: `${running} ${OTHER} 1 60 -,${BOOT}\n` });
  Deno.writeTextFileSync(lab.paths.update, "{");
  const update = await lab.resume({});
  assertEquals(update?.outcome.kind, "accepted");
  assertEquals(lab.phases.filter((phase) => phase !== "over"), ["probation"]);
});

for (const [name, found, kind, reason = ""] of CASES) {
  Deno.test(`a start in the middle of an update: ${name}`, async () => {
    using lab = new Lab(found);
    const update = await lab.resume(found);
    assertEquals(update?.outcome.kind, kind as never);
    assertStringIncludes((update?.outcome as { reason?: string })?.reason ?? "", reason);
    assertEquals([lab.has("control/probation"), lab.has("control/update.json")], [false, false]);
    const { serial, failed, waiting } = readKnownReleases(lab.paths)!;
    assertEquals(serial, kind === "accepted" ? 7 : 0);
    assertEquals([Object.keys(failed).length, Object.keys(waiting).length], [
      kind === "rejected" ? 1 : 0,
      kind === "postponed" ? 1 : 0,
    ]);
    assertEquals(
      lab.has("1.0.0"),
      kind !== "accepted",
      "older versions go when a new one is accepted, not before",
    );
    assertEquals(lab.has(OTHER), kind !== "rejected" && kind !== "postponed");
    assert(lab.has(running));
    const phase = kind === "rejected" || kind === "postponed" ? ["aftermath"] : [];
    const isWatched = kind === "accepted" && found.counter !== undefined;
    assertEquals(lab.phases.filter((phase) => phase !== "over"), isWatched ? ["probation"] : phase);
  });
}

for (
  const [name, found, reason] of [
    ["a procedure that fails", { failing: true }, "the procedure walk ran before and now fails: it stumbled"],
    [
      "a backend that is not reached",
      { connected: [] },
      "the backend main was connected before and does not come back",
    ],
  ] as const
) {
  Deno.test(`on probation, ${name} leads back`, async () => {
    const counter = `${running} ${OTHER} 1 60 -,${BOOT}\n`;
    using lab = new Lab({ journal: ON_PROBATION, counter });
    const update = await lab.resume({ ...found, connected: "connected" in found ? [] : ["main"] });
    assertEquals(update?.outcome.kind, "interrupted");
    assertEquals(Deno.readLinkSync(lab.paths.current), OTHER);
    assertEquals(readCounter(lab.paths)?.starts, undefined);
    assertStringIncludes(Deno.readTextFileSync(lab.paths.update), reason);
    assertEquals(lab.restarts, [`back to Ivy ${OTHER}`]);
  });
}

Deno.test("a version on probation whose agent cannot even start is left at once; no other is", () => {
  using lab = new Lab({ journal: ON_PROBATION, counter: `${running} ${OTHER} 1 60 -,${BOOT}\n` });
  assertEquals(leaveAtOnce(lab.paths, "the configuration is not valid"), true);
  assertEquals(Deno.readLinkSync(lab.paths.current), OTHER);
  assertEquals(leaveAtOnce(lab.paths, "again"), false);
  using proven = new Lab({});
  assertEquals(leaveAtOnce(proven.paths, "the configuration is not valid"), false);
});

Deno.test("going back by hand: the revision that asked for the version is not taken again", () => {
  using lab = new Lab({});
  for (const [version, revision] of [[running, 5], [OTHER, 4]] as const) {
    const { configFile } = pathsOf(lab.paths.root, version);
    Deno.mkdirSync(join(configFile, ".."));
    Deno.writeTextFileSync(configFile, JSON.stringify({ general: { config_revision: revision } }));
  }
  assertEquals(rollBack(lab.paths), OTHER);
  assertEquals(Deno.readLinkSync(lab.paths.current), OTHER);
  assertStringIncludes(Deno.readTextFileSync(lab.paths.revisions), '"revision": 5');
});
