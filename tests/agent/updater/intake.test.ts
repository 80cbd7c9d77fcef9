// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { Intake } from "../../../src/agent/updater/intake.ts";
import type { Outcome } from "../../../src/agent/updater/reconfigure.ts";
import { Revisions } from "../../../src/agent/updater/revisions.ts";
import { pause } from "../../../src/shared/time.ts";
import { createLogger } from "../../../src/shared/logger.ts";

const CONFIG = { general: { software_version: "1.2.3" } };

/** An intake with everything around it written down. */
function create(
  outcomes: (Outcome | Promise<Outcome>)[] = [],
  { revision = 4, rejected = [] as number[] } = {},
) {
  const folder = Deno.makeTempDirSync({ prefix: "ivy-intake-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const revisions = new Revisions({ revisions: `${folder}/revisions.json` });
  for (const own of rejected) revisions.reject(own, "before");
  const told: string[] = [];
  const taken: unknown[] = [];
  const log: string[] = [];
  const ending = new AbortController();
  const current = {
    raw: { general: {} },
    revision,
    softwareVersion: "1.2.3",
    rules: { backends: {}, procedures: {} },
    hasCredentials: () => false,
  };
  const clock = { nowMs: 0 };
  const intake = new Intake({
    monotonic: () => clock.nowMs,
    current: () => current,
    revisions,
    logger: createLogger("updater", ({ level, subject }) => log.push(`${level} ${subject}`)),
    report: (status, revision, _config, reason) => {
      told.push([revision, status, reason].filter((part) => part !== undefined).join(" "));
      return Promise.resolve(true);
    },
    async reconfigure(config) {
      taken.push(config);
      const outcome = await (outcomes.shift() ?? { kind: "accepted" });
      if (outcome.kind === "accepted") {
        current.revision =
          (config as unknown as { general: { config_revision: number } }).general.config_revision;
      }
      return outcome;
    },
    keepRefused: (revision, _config, reason) => told.push(`${revision} kept: ${reason}`),
    signal: ending.signal,
    retryMs: 1,
  });
  return { clock, intake, told, taken, log, ending, revisions, path: `${folder}/revisions.json` };
}

Deno.test("a received configuration: received, taken into use, accepted", async () => {
  const { intake, told, taken } = create();
  intake.receive(5, CONFIG);
  await intake.settled();
  assertEquals(told, ["5 received", "5 accepted"]);
  assertEquals(taken, [{ general: { software_version: "1.2.3", config_revision: 5 } }]);
});

Deno.test("the same revision again is ignored without a word, from whichever backend", async () => {
  const { intake, told, log } = create();
  for (let i = 0; i < 5; i++) intake.receive(5, CONFIG);
  await intake.settled();
  for (let i = 0; i < 5; i++) intake.receive(5, CONFIG);
  await intake.settled();
  assertEquals(told, ["5 received", "5 accepted"]);
  assertEquals(log.filter((line) => line.includes("ignored")), []);
});

Deno.test("an old or equal revision is ignored with one INFO line, and not told to the servers", async () => {
  const { intake, told, log } = create();
  for (const revision of [4, 4, 3, 4, 3]) intake.receive(revision, CONFIG);
  await intake.settled();
  assertEquals(told, []);
  assertEquals(log, [
    "INFO ignored configuration 4: the node runs with revision 4 already",
    "INFO ignored configuration 3: the node runs with revision 4 already",
  ]);
});

Deno.test("one at a time; of those that came meanwhile the newest", async () => {
  const first = Promise.withResolvers<Outcome>();
  const { intake, told, log } = create([first.promise]);
  intake.receive(5, CONFIG);
  intake.receive(8, CONFIG);
  intake.receive(6, CONFIG);
  intake.receive(7, CONFIG);
  first.resolve({ kind: "accepted" });
  await intake.settled();
  assertEquals(told, ["5 received", "5 accepted", "8 received", "8 accepted"]);
  assertEquals(log.filter((line) => line.includes("has come meanwhile")).length, 2);
});

Deno.test("what is rejected is told with its reason, remembered, and never tried again", async () => {
  const { intake, told, taken, path } = create([{ kind: "rejected", reason: "it is wrong" }]);
  intake.receive(5, CONFIG);
  await intake.settled();
  assertEquals(told, ["5 received", "5 rejected it is wrong"]);
  assertEquals(new Revisions({ revisions: path }).rejected, new Set([5]));
  assertEquals(new Revisions({ revisions: path }).unreported, []);
  const next = create([], { rejected: [5] });
  next.intake.receive(5, CONFIG);
  await next.intake.settled();
  assertEquals([next.told, taken.length], [[], 1]);
});

Deno.test("garbage with a revision is rejected where it can be told", async () => {
  const { intake, told, taken } = create();
  intake.receive(5, "garbage");
  await intake.settled();
  assertEquals([told, taken], [["5 received", "5 rejected a configuration must be an object"], []]);
});

Deno.test("what its backend did not hand on is rejected with the backend's reason", async () => {
  const { intake, told, taken } = create();
  intake.receive(5, null, "it is larger than 256 KiB");
  await intake.settled();
  assertEquals([told, taken], [["5 rejected it is larger than 256 KiB"], []]);
});

Deno.test("what only time can mend is tried again, and not rejected", async () => {
  const full: Outcome = { kind: "postponed", reason: "No space left on device" };
  const { intake, told, taken, revisions } = create([full, full, { kind: "accepted" }]);
  intake.receive(5, CONFIG);
  await intake.settled();
  assertEquals([told, taken.length, revisions.rejected.size], [["5 received", "5 accepted"], 3, 0]);
});

Deno.test("a configuration for another version is left to people where the node is updated by hand", async () => {
  const { intake, told, log, revisions } = create();
  intake.receive(5, { general: { software_version: "2.0.0" } });
  await intake.settled();
  assertEquals([told, revisions.rejected.size], [["5 received"], 0]);
  assertEquals(log.at(-1), "WARNING configuration 5 is for Ivy 2.0.0, but this node is updated by hand");
});

Deno.test("when the agent ends, nothing is told of a configuration that is under way: the next start goes on", async () => {
  const { intake, told, ending } = create([{ kind: "interrupted" }]);
  intake.receive(5, CONFIG);
  ending.abort();
  await intake.settled();
  assertEquals(told, ["5 received"]);
});

Deno.test("an unexpected failure rejects, and the next revision is dealt with", async () => {
  const { intake, told } = create([Promise.reject(new Error("broken")), { kind: "accepted" }]);
  intake.receive(5, CONFIG);
  await intake.settled();
  intake.receive(6, CONFIG);
  await intake.settled();
  assertEquals(told, ["5 received", "5 rejected broken", "6 received", "6 accepted"]);
});

Deno.test("a reason that quotes a configuration is cut, wherever it goes", async () => {
  const names = ["a", "b", "c", "d"].map((name) => name.repeat(60_000));
  const { intake, told, log, path } = create();
  intake.receive(5, {
    ...CONFIG,
    backends: names.map((name) => ({ name, provider: "mqtt", configures: false })),
  });
  intake.receive(6, { ...CONFIG, backends: names.slice(1).map((name) => ({ name, provider: "mqtt" })) });
  await intake.settled();
  assertEquals([...new Revisions({ revisions: path }).rejected].length, 1);
  const [{ reason } = { reason: "" }] = new Revisions({ revisions: path }).history.rejected;
  assertEquals(reason.length, 2000);
  assertEquals(told.at(-1), `6 rejected ${reason}`);
  for (const text of [...told, ...log]) assert(text.length < 2100, `${text.length}`);
});

Deno.test("of configurations without end some are looked at, then the newest one a minute", async () => {
  const { clock, intake, told, log, ending } = create();
  const looked = () => told.filter((line) => line.endsWith("received")).length;
  for (let revision = 5; revision < 105; revision++) {
    intake.receive(revision, { general: {} });
    await intake.settled();
  }
  assertEquals(looked(), 100);
  for (let revision = 105; revision < 300; revision++) {
    intake.receive(revision, { general: {} });
    await pause(0, ending.signal);
  }
  assertEquals([looked(), log.filter((line) => line.includes("looked at later")).length], [100, 1]);
  clock.nowMs += 60_000;
  await intake.settled();
  assertEquals([looked(), told.at(-1)?.split(" ")[0]], [101, "299"]);
});

Deno.test("what is remembered of rejected revisions has an end, in memory and on the disk", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/revisions.json`;
  const revisions = new Revisions({ revisions: path });
  for (let revision = 1; revision <= 80; revision++) {
    revisions.reject(revision, "x".repeat(240_000));
    revisions.markReported(revision);
  }
  const { rejected } = revisions.history;
  assertEquals([rejected.at(-1)?.revision, rejected.at(-1)?.isReported], [80, true]);
  assert(rejected.length > 50 && rejected.length < 70, `${rejected.length}`);
  assert(Deno.statSync(path).size < 150_000, `${Deno.statSync(path).size}`);
  const many = Array.from(
    { length: 1000 },
    (_, at) => ({ revision: at + 1, reason: "no", isReported: true }),
  );
  await Deno.writeTextFile(path, JSON.stringify({ rejected: many }));
  const others = new Revisions({ revisions: path });
  others.reject(2000, "no");
  assertEquals([others.rejected.size, others.rejected.has(1), others.rejected.has(2)], [1000, false, true]);
  assertEquals(new Revisions({ revisions: path }).rejected, others.rejected);
  const longer = { rejected: [{ revision: 1, reason: "x".repeat(240_000), isReported: true }] };
  await Deno.writeTextFile(path, JSON.stringify(longer)); // an earlier version's
  assertEquals(new Revisions({ revisions: path }).history.rejected[0]?.reason.length, 2000);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a damaged memory of rejected revisions counts as empty", async () => {
  const path = await Deno.makeTempFile();
  for (const text of ["", "{", '{"rejected":5}', '{"rejected":[{"revision":"x"}]}', "null"]) {
    await Deno.writeTextFile(path, text);
    assertEquals(new Revisions({ revisions: path }).rejected.size, 0, text);
  }
  await Deno.remove(path);
});
