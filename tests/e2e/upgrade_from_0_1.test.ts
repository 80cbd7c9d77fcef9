// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { version as NEXT } from "../../src/shared/version.ts";
import { FIRST, firstAndNext } from "../support/first_version.ts";
import { needs } from "../support/needs.ts";
import type { Ended } from "../support/node.ts";
import { keyOf } from "../support/stored_days.ts";
import { until } from "../support/until.ts";
import { UpgradeLab, type Whose } from "../support/upgrade_lab.ts";
import { faultsAtBroker, faultsOfDays, setAside } from "../support/upgrade_oracle.ts";

const mayRun = needs("git") === undefined && needs("mosquitto") === undefined;
const programs = mayRun ? await firstAndNext() : undefined;

const ACTS: [name: string, act: (node: UpgradeLab) => Promise<void>][] = [
  ["the first version runs; the commands of this one see it and stop it", firstLife],
  ["without an agent, the commands of this version read what the first one left", readAlone],
  ["killed three times on probation: the launcher goes back", goBackByLauncher],
  [
    "unhealthy on probation: the agent itself goes back; starts by cron and a stop are no failure",
    goBackByAgent,
  ],
  ["ordered by a server and killed once on probation: accepted; until then the launcher stays", beAccepted],
  ["the broker comes up and gets everything", catchUp],
  ["back by hand, and to this version again", goBackByHand],
  ["it stops, starts, tells its status, and sends what waits", restart],
  ["no message is lost or doubled, nothing is set aside, and what the node knew it knows", judge],
];

Deno.test({
  name: `a node that ${FIRST.version} made is updated to this version, back and again`,
  ignore: programs === undefined,
  async fn(t) {
    await using node = await UpgradeLab.open(programs!.first, programs!.next);
    for (const [name, act] of ACTS) {
      if (!await t.step(name, () => act(node))) break; // each builds on the one before
    }
  },
});

/** As the first version leaves its node: earlier days, a backlog, state, credentials, revisions. */
async function firstLife(node: UpgradeLab): Promise<void> {
  const { lab, wire, thingsboard, observer } = node;
  assertEnded(await node.ivy("active", "start"), /Ivy runs \(PID \d+\)/);
  await observer.until(
    "the broker gets measurements",
    (_, payload) => /"load_1m"/.test(payload) || undefined,
  );
  await until("ThingsBoard gets measurements", () => node.keysAtThingsboard.size > 0);
  await thingsboard.configure(2, { ...lab.config, general: { ...lab.config.general, config_revision: 2 } });
  await node.untilConfig("accepted", 2);
  await sendForbidden(node, 3);
  wire.refuse(true);
  wire.cutAll();
  const { length } = node.lines;
  await until("a backlog grows", () => node.lines.length > length + 20);
  await until("earlier days are compressed", () => `${countDays(node)}` === "2,1");
  assertEnded(await node.ivy("sources", "status"), /Ivy 0\.1\.0, configuration 2/);
  await assertReadable(node, "sources");
  await assertExaminable(node, "sources");
  assertEquals((await node.ivy("sources", "run")).code, 75);
  assertEnded(await node.ivy("sources", "start"), /Ivy runs already \(PID \d+\)/);
  assertEnded(await node.ivy("sources", "stop"), /Ivy has stopped \(PID \d+\)/);
}

async function readAlone(node: UpgradeLab): Promise<void> {
  for (const whose of ["first", "next"] as const) {
    assertEquals((await node.ivy(whose, "status")).code, 3);
    await assertReadable(node, whose);
  }
  await assertExaminable(node, "next");
  assertEquals(await statistics(node, "first"), await statistics(node, "next"));
}

async function goBackByLauncher(node: UpgradeLab): Promise<void> {
  const { lab } = node;
  lab.supervise();
  await node.untilMeasuring(FIRST.version, 0);
  let mark = await startUpdate(node, 7);
  for (let start = 1; start <= 3; start++) {
    await node.untilMeasuring(NEXT, mark);
    mark = await node.kill();
  }
  await lab.untilLog(/back to 0\.1\.0, because \S+ did not get well in 3 starts/, 180_000, mark);
  await lab.untilLog(/was left for 0\.1\.0: [^\n]*it ended before its probation was over/, 180_000, mark);
  await assertFirstGoesOn(node, mark);
  await sendForbidden(node, 4); // this version must know of it, although it was here before
}

async function goBackByAgent(node: UpgradeLab): Promise<void> {
  const { lab, thingsboard } = node;
  await startUpdate(node, 8);
  for (const ended of await Promise.all([1, 2, 3].map(() => node.ivy("active", "start")))) {
    assertEnded(ended, /Ivy runs already \(PID \d+\)/);
  }
  assertEnded(
    await node.ivy("sources", "status"),
    /update: \S+ is on probation for .*, 0\.1\.0 would take over/,
  );
  await sendForbidden(node, 5); // the first version must know of it
  thingsboard.down();
  const mark = lab.log.length;
  assertEnded(await node.ivy("sources", "stop"), /Ivy has stopped \(PID \d+\)/);
  await lab.untilLog(/ is left for 0\.1\.0: the backend thingsboard was connected before/, 180_000, mark);
  thingsboard.up();
  await lab.untilLog(/was left for 0\.1\.0: the backend thingsboard/, 180_000, mark);
  await assertFirstGoesOn(node, mark);
}

async function beAccepted(node: UpgradeLab): Promise<void> {
  const { lab, thingsboard } = node;
  await node.publish(9);
  const config = structuredClone(lab.config);
  Object.assign(config.general, { software_version: NEXT, config_revision: 6 });
  config.procedures["system_checks"]!["enabled"] = false; // what it has shared stays
  let mark = lab.log.length;
  await thingsboard.configure(6, config);
  await lab.untilLog(/ is on probation/, 180_000, mark);
  await node.untilMeasuring(NEXT, mark);
  mark = await node.kill();
  await lab.untilLog(/ is on probation/, 180_000, mark);
  assertEquals(Deno.readTextFileSync(lab.launcher), node.firstLauncher);
  await lab.untilLog(/ has proved itself; 0\.1\.0 is kept/, 180_000, mark);
  await node.untilConfig("accepted", 6);
  assertEquals([lab.active, lab.config.general.config_revision], [NEXT, 6]);
  await assertReadable(node, "active");
}

async function catchUp(node: UpgradeLab): Promise<void> {
  const { waiting } = (await statistics(node, "active"))["mqtt data"]!;
  assert(waiting > 200, `only ${waiting} measurements wait`);
  node.wire.refuse(false);
  await node.untilBrokerHasAll();
}

async function goBackByHand(node: UpgradeLab): Promise<void> {
  const { lab } = node;
  let mark = lab.log.length;
  assertEnded(await node.ivy("active", "rollback"), /back to Ivy 0\.1\.0, which takes over now/);
  await assertFirstGoesOn(node, mark);
  assertEnded(await node.ivy("active", "start"), /Ivy runs already \(PID \d+\)/);
  mark = await startUpdate(node, 9);
  await lab.untilLog(/ has proved itself; 0\.1\.0 is kept/, 180_000, mark);
  assertEquals(lab.active, NEXT);
}

async function restart(node: UpgradeLab): Promise<void> {
  await node.lab.stop();
  assertEquals((await node.ivy("active", "status")).code, 3);
  await assertReadable(node, "active");
  assertEnded(await node.ivy("active", "start"), /Ivy runs \(PID \d+\)/);
  assertEnded(
    await node.ivy("active", "status"),
    new RegExp(`Ivy ${NEXT.replaceAll(".", "\\.")}, configuration 2`),
  );
  assertEquals(Deno.readTextFileSync(node.lab.launcher), await node.nextLauncher());
  await node.untilBrokerHasAll();
  assertEnded(await node.ivy("active", "stop"), /Ivy has stopped/);
}

async function judge(node: UpgradeLab): Promise<void> {
  assertEquals(faultsOfDays(node.messagesFolder, node.acknowledged), []);
  const known = node.lines.filter(({ message }) => message.id <= node.sentId);
  assertEquals(faultsAtBroker(known, node.observer), []);
  const logged = new Set(
    node.lines.flatMap(({ message: { message_body: body } }) => body.variant === "log" ? [keyOf(body)] : []),
  );
  const missing = node.acknowledged.filter((key) => !logged.has(key) && !node.keysAtThingsboard.has(key));
  assertEquals(missing, [], "what ThingsBoard never got");
  assertEquals(await setAside(node.lab.root), []); // the last life included
  const { stdout } = await node.ivy("next", "logs", "--since", "1h", "--level", "WARNING");
  assertEquals(
    [...stdout.matchAll(/.*(damaged|rebuil|malformed|set aside|gap).*/gi)].map(([line]) => line),
    [],
  );
  assertEquals(node.provisioned, 1, "the credentials were kept");
  for (const revision of [3, 4, 5]) {
    assertEquals(node.configs(revision), ["received", "rejected"], "what was rejected is not tried again");
  }
}

/** @returns the offset in the log at which the new version has begun its probation. */
async function startUpdate(node: UpgradeLab, serial: number): Promise<number> {
  const { lab } = node;
  await node.publish(serial);
  const mark = lab.log.length;
  assertEnded(await node.ivy("active", "update", NEXT), /takes over, on probation/);
  await lab.untilLog(/ is on probation/, 180_000, mark);
  assertMatch(lab.log.slice(mark), /pausing system_checks for its self-test/, "while it was tested");
  assertEquals(Deno.readTextFileSync(lab.launcher), node.firstLauncher);
  return mark;
}

/** Sends a configuration that the node rejects. */
async function sendForbidden(node: UpgradeLab, revision: number): Promise<void> {
  const config = structuredClone(node.lab.config);
  config.general.config_revision = revision;
  Object.assign(config["updater"] as object, { allow_unsigned: true });
  await node.thingsboard.configure(revision, config);
  await node.untilConfig("rejected", revision);
}

/** Each command that shows what a node holds, by some version, whether an agent runs or not. */
async function assertReadable(node: UpgradeLab, whose: Whose): Promise<void> {
  const ids = node.lines.map(({ message }) => message.id);
  const exported = await node.ivy(whose, "messages", "export");
  assertEnded(exported, /^\{"id":1,/);
  const seen = new Set([...exported.stdout.matchAll(/^\{"id":(\d+),/gm)].map(([, id]) => Number(id)));
  assertEquals(ids.filter((id) => !seen.has(id)), [], "not exported");
  for (const counts of Object.values(await statistics(node, whose))) assertBalanced(counts);
  assertEquals(await setAside(node.lab.root), []);
  const state = await node.ivy(whose, "state", "system.checked_at", "--json");
  assertEquals(typeof JSON.parse(state.stdout).value, "number", state.stderr);
  assertEnded(await node.ivy(whose, "logs", "--since", "1h"), /Ivy 0\.1\.0 starts/);
}

/** A doctor of another version than the active one says whom to ask about the configuration. */
async function assertExaminable(node: UpgradeLab, whose: Whose): Promise<void> {
  const { stdout: json } = await node.ivy(whose, "doctor", "--json");
  const checks = JSON.parse(json).checks as {
    check: string;
    verdict: string;
    found: string;
    advice: string;
  }[];
  const configuration = checks.find(({ check }) => check === "configuration")!;
  if (configuration.verdict !== "ok") {
    assertEquals(
      [configuration.verdict, configuration.advice],
      ["warning", `ask the active one: ${node.lab.launcher} doctor`],
      configuration.found,
    );
  }
  assert(!/could not be looked at|does not answer/.test(json), json);
  assertEquals(
    checks.some(({ check }) => check === "thingsboard: login"),
    configuration.verdict === "ok",
    json,
  );
}

type Counts = Record<"accepted" | "acknowledged" | "waiting" | "parked" | "dropped", number>;

/** What the store counts, by backend and variant. */
async function statistics(
  node: UpgradeLab,
  whose: Whose,
): Promise<Record<string, Counts>> {
  const { stdout, stderr } = await node.ivy(whose, "messages", "stats", "--json");
  assert(stdout !== "", stderr);
  const { backends } = JSON.parse(stdout) as { backends: Record<string, Record<string, Counts>> };
  const named = Object.entries(backends).flatMap(([backend, byVariant]) =>
    Object.entries(byVariant).map(([variant, counts]) => [`${backend} ${variant}`, counts] as const)
  );
  assertEquals(named.length, 6);
  return Object.fromEntries(named);
}

function assertBalanced(counts: Counts): void {
  const { accepted, acknowledged, waiting, parked, dropped } = counts;
  assertEquals(accepted, acknowledged + waiting, JSON.stringify(counts));
  assertEquals([parked, dropped], [0, 0]);
}

/** The first version runs again, reads what the other one wrote, and measures on. */
async function assertFirstGoesOn(node: UpgradeLab, after: number): Promise<void> {
  await node.untilMeasuring(FIRST.version, after);
  assertEquals(node.lab.active, FIRST.version);
  await assertReadable(node, "first");
  assertEnded(await node.ivy("first", "status"), /Ivy 0\.1\.0, configuration 2/);
}

/** How many days are compressed, and how many are not. */
function countDays({ messagesFolder }: UpgradeLab): [compressed: number, plain: number] {
  const names = [...Deno.readDirSync(messagesFolder)].map(({ name }) => name);
  return [
    names.filter((name) => name.endsWith(".jsonl.gz")).length,
    names.filter((name) => name.endsWith(".jsonl")).length,
  ];
}

function assertEnded({ code, stdout, stderr }: Ended, pattern: RegExp): void {
  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, pattern, stderr);
}
