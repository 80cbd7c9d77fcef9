// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Intake } from "../../../src/agent/updater/intake.ts";
import type { Outcome } from "../../../src/agent/updater/reconfigure.ts";
import { Revisions } from "../../../src/agent/updater/revisions.ts";
import { createLogger } from "../../../src/shared/logger.ts";
import { until } from "../../support/until.ts";

/** An intake on a node that runs 1.2.3; what it does is written down, and ends when the test says how. */
class Lab implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-wishes-" });
  readonly done: string[] = [];
  readonly log: string[] = [];
  readonly current = {
    raw: { general: {} },
    revision: 1,
    softwareVersion: "1.2.3",
    rules: { backends: {}, procedures: {} },
    hasCredentials: () => false,
  };
  /** How many are under way at once, at most. */
  most = 0;
  #underWay = 0;
  #waiting: ((outcome: Outcome) => void)[] = [];
  intake: Intake;

  constructor() {
    this.intake = new Intake({
      current: () => this.current,
      revisions: new Revisions({ revisions: join(this.folder, "revisions.json") }),
      logger: createLogger("updater", ({ subject }) => void this.log.push(subject)),
      report: () => Promise.resolve(true),
      reconfigure: (config) => this.act(`reconfigure ${revisionOf(config)}`),
      upgrade: (version, _config, revision) => this.act(`upgrade to ${version} for ${revision}`),
      keepRefused: () => {},
      signal: new AbortController().signal,
      retryMs: 60_000,
    });
  }

  receive(revision: number, version: string): void {
    this.intake.receive(revision, { general: { software_version: version } });
  }

  offer(version: string): void {
    this.intake.offer(`the package ${version}`, () => this.act(`package ${version}`));
  }

  async act(what: string): Promise<Outcome> {
    this.done.push(what);
    this.most = Math.max(this.most, ++this.#underWay);
    const outcome = await new Promise<Outcome>((resolve) => this.#waiting.push(resolve));
    this.#underWay--;
    return outcome;
  }

  /** Ends what is under way. */
  async end(kind: "accepted" | "rejected" | "postponed" | "interrupted"): Promise<void> {
    await until("something is under way", () => this.#waiting.length > 0);
    this.#waiting.shift()!({ kind, reason: "so it is" } as Outcome);
  }

  async untilDone(count: number): Promise<void> {
    await until(() => `${count} acts: ${this.done}`, () => this.done.length >= count);
  }

  [Symbol.dispose](): void {
    assertEquals(this.most, 1, "one at a time");
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function revisionOf(config: Record<string, unknown>): number {
  return (config as unknown as { general: { config_revision: number } }).general.config_revision;
}

Deno.test("a reconfiguration and an update arrive together: the higher revision is done, whichever came first", async () => {
  for (const order of [[2, 3], [3, 2]]) {
    using lab = new Lab();
    lab.offer("7.0.0"); // keeps it busy until both are there
    await lab.untilDone(1);
    for (const revision of order) lab.receive(revision, revision === 3 ? "4.5.6" : "1.2.3");
    await lab.end("rejected");
    await lab.untilDone(2);
    assertEquals(lab.done, ["package 7.0.0", "upgrade to 4.5.6 for 3"]);
    await lab.end("interrupted");
    await lab.intake.settled();
    assert(lab.log.includes("ignored configuration 2: 3 has come meanwhile"), `${lab.log}`);
  }
});

Deno.test("two updates in a row, and an update while an update runs: one after the other, the last wish wins", async () => {
  using lab = new Lab();
  lab.receive(2, "2.0.0");
  await lab.untilDone(1);
  for (const [revision, version] of [[3, "3.0.0"], [5, "5.0.0"], [4, "4.0.0"]] as const) {
    lab.receive(revision, version);
  }
  await lab.end("rejected");
  await lab.untilDone(2);
  await lab.end("interrupted");
  await lab.intake.settled();
  assertEquals(lab.done, ["upgrade to 2.0.0 for 2", "upgrade to 5.0.0 for 5"]);
});

Deno.test("a wish for an older version is a wish like any other; an older revision is none", async () => {
  using lab = new Lab();
  lab.receive(2, "0.9.0");
  lab.receive(1, "4.5.6");
  await lab.end("interrupted");
  await lab.intake.settled();
  assertEquals(lab.done, ["upgrade to 0.9.0 for 2"]);
});

Deno.test("an update that only time can mend gives way to a newer wish at once", async () => {
  using lab = new Lab();
  lab.receive(2, "4.5.6");
  await lab.end("postponed");
  lab.receive(3, "1.2.3");
  await lab.untilDone(2);
  await lab.end("accepted");
  await lab.intake.settled();
  assertEquals(lab.done, ["upgrade to 4.5.6 for 2", "reconfigure 3"]);
});

Deno.test("a configuration that waits for its package is tried again as soon as one is assigned", async () => {
  using lab = new Lab();
  lab.receive(2, "4.5.6");
  await lab.end("postponed");
  lab.offer("4.5.6");
  await lab.untilDone(2);
  await lab.end("interrupted");
  assertEquals(lab.done, ["upgrade to 4.5.6 for 2", "upgrade to 4.5.6 for 2"]);
});

Deno.test("a package goes on where its configuration cannot, and waits where it is the one that cannot", async () => {
  using lab = new Lab();
  lab.receive(2, "9.0.0");
  await lab.end("postponed");
  lab.offer("4.5.6");
  await lab.end("postponed"); // 9.0.0 is still not there
  await lab.untilDone(3);
  await lab.end("postponed"); // nor can the package be had
  lab.offer("5.0.0");
  await lab.untilDone(4);
  await lab.end("postponed");
  await lab.untilDone(5);
  await lab.end("interrupted");
  assertEquals(lab.done, [
    "upgrade to 9.0.0 for 2",
    "upgrade to 9.0.0 for 2",
    "package 4.5.6",
    "upgrade to 9.0.0 for 2",
    "package 5.0.0",
  ]);
});

Deno.test("a package that fails unexpectedly is told, and the next wish is dealt with", async () => {
  using lab = new Lab();
  lab.intake.offer("the package 4.5.6", () => Promise.reject(new Error("broken")));
  await lab.intake.settled();
  assert(lab.log.some((line) => /the package 4\.5\.6 could not be dealt with/.test(line)), `${lab.log}`);
  lab.receive(2, "1.2.3");
  await lab.end("accepted");
  await lab.intake.settled();
  assertEquals(lab.done, ["reconfigure 2"]);
});
