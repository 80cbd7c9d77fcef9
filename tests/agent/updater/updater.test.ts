// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LAUNCHER } from "../../../src/agent/launcher.ts";
import { exists, type Paths, pathsOf } from "../../../src/agent/paths.ts";
import { Revisions } from "../../../src/agent/updater/revisions.ts";
import { updateRoutes } from "../../../src/agent/updater/update_routes.ts";
import { utcDay } from "../../../src/shared/time.ts";
import { version as running } from "../../../src/shared/version.ts";
import { EARLIER, EARLIER_LAUNCHER, EARLIER_PROBATION } from "../../support/earlier_node.ts";
import { NEW, script, UpdaterLab } from "../../support/updater_lab.ts";

Deno.test("a good release: fetched, tested, laid out with the configuration, counted, switched to", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const lines = await lab.ask(NEW);
  assertEquals(lines.at(-1), { outcome: { kind: "interrupted" } });
  const { paths } = lab;
  assertEquals(Deno.readLinkSync(paths.current), NEW);
  const { configFile } = pathsOf(paths.root, NEW);
  assertEquals(JSON.parse(Deno.readTextFileSync(configFile)).general.software_version, NEW);
  assertEquals(Deno.statSync(configFile).mode! & 0o777, 0o600);
  assertEquals(Deno.readTextFileSync(paths.probation), `${NEW} ${running} 0 125 -\n`);
  assertEquals(JSON.parse(Deno.readTextFileSync(paths.update)).before.procedures, ["walk"]);
  assertEquals(Deno.readTextFileSync(join(paths.root, NEW, "previous")), `${running}\n`);
  assert(!exists(paths.staging));
  assertEquals(lab.restarts, [`Ivy ${NEW} takes over`]);
  assertEquals(lab.log.map((line) => line.split(/[ :]/)[0]), [
    "looking",
    "downloading",
    "downloaded",
    "testing",
    "switching",
  ]);
  assertEquals(
    lab.server.served.every(({ headers }) => headers["authorization"] === "Bearer secret-token"),
    true,
  );
});

const REFUSED: [name: string, then: string, reason: RegExp][] = [
  [
    "configuration",
    `[ "$1" = config ] && { echo '{"faults":["a: wrong"]}'; exit 78; }; exit 0`,
    /not valid for the new version: a: wrong/,
  ],
  [
    "acceptance tests",
    `[ "$1" = test ] && { echo "the valve is stuck"; exit 1; }; exit 0`,
    /tests failed: the valve is stuck/,
  ],
];

for (const [name, then, reason] of REFUSED) {
  Deno.test(`refused for its ${name}; nothing has changed`, async () => {
    await using lab = new UpdaterLab();
    await lab.publish(script(then));
    const [last] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
    assertEquals(last!.outcome.kind, "rejected");
    assertMatch(last!.outcome.reason, reason);
    assertEquals(Deno.readLinkSync(lab.paths.current), running);
    assert(!exists(lab.paths.probation));
  });
}

Deno.test("what is not there yet is postponed; a version that runs already is no update", async () => {
  await using lab = new UpdaterLab();
  const [missing] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
  assertEquals(missing!.outcome.kind, "postponed");
  assertStringIncludes(missing!.outcome.reason, "status 404");
  assertEquals(await lab.ask(running), [{ error: `${running} runs already` }]);
});

Deno.test("the previous version is on the disk: it is tested and switched to without any download", async () => {
  await using lab = new UpdaterLab();
  const { paths } = lab;
  Deno.mkdirSync(join(paths.root, NEW));
  Deno.writeTextFileSync(join(paths.root, NEW, "ivy"), script(), { mode: 0o755 });
  Deno.writeTextFileSync(join(paths.versionFolder, "previous"), `${NEW}\n`);
  assertEquals((await lab.ask(NEW)).at(-1), { outcome: { kind: "interrupted" } });
  assertEquals(lab.server.served, []);
  assertEquals(Deno.readLinkSync(paths.current), NEW);
});

Deno.test("one at a time; the end of the agent breaks an update off, to be asked for again", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(`[ "$1" = test ] && sleep 2; exit 0`));
  const testing = Promise.withResolvers<void>();
  lab.updater.watch((phase) => phase.startsWith("testing") && testing.resolve());
  const first = lab.ask(NEW);
  await testing.promise;
  const shown = updateRoutes(lab.updater)["GET /v1/update"]!;
  assertEquals(await shown(new Request("http://ivy/")), {
    update: `testing ${NEW} on this device`,
    probation: null,
  });
  assertEquals((await lab.ask(NEW)).at(-1), {
    outcome: { kind: "postponed", reason: "another update is under way" },
  });
  lab.updater.stop();
  assertEquals((await first).at(-1), { outcome: { kind: "interrupted" } });
  assertEquals([lab.restarts, Deno.readLinkSync(lab.paths.current)], [[], running]);
});

Deno.test("a node that is updated by hand says so; so does one without its token", async () => {
  await using byHand = new UpdaterLab(() => null);
  assertMatch(`${(await byHand.ask(NEW))[0]!["error"]}`, /"updater" is null/);
  await using noToken = new UpdaterLab((updater) => ({ ...updater, access_token: { env: "NOWHERE" } }));
  assertMatch(`${(await noToken.ask(NEW))[0]!["error"]}`, /NOWHERE is not set/);
});

Deno.test("check tells of a release without bringing it, also of one on this machine", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const date = utcDay(Date.now());
  const facts = { version: NEW, serial: 7, date, running_version: running };
  assertEquals(await lab.updater.check(NEW), facts);
  assert(!exists(lab.paths.staging), "nothing is left");
  assertEquals(await lab.updater.check(null, join(lab.folder, "web", NEW)), facts);
  assertEquals((await lab.ask(null, join(lab.folder, "web", NEW))).at(-1), {
    outcome: { kind: "interrupted" },
  });
  assertEquals(lab.server.served.some(({ path }) => path.includes("ivy-")), false);
});

Deno.test("a version that was switched to goes on from there: on probation, until it is accepted", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, probation_seconds: 1 }));
  assertEquals(await lab.updater.resume(), undefined);
  const { paths } = lab;
  const before = { procedures: ["random_walk"], backends: [] };
  const journal = { version: running, from: NEW, revision: 3, digest: "d", serial: 9, before };
  Deno.writeTextFileSync(paths.update, JSON.stringify(journal));
  Deno.writeTextFileSync(paths.probation, `${running} ${NEW} 1 60 -,0123abcd\n`);
  const resuming = lab.updater.resume();
  assertEquals(lab.updater.probation, { version_before: NEW, seconds_left: 1 });
  assertMatch(
    lab.updater.phase,
    /^\S+ is on probation for [01]\.\d s more, 4\.5\.6 would take over$/,
  );
  const asked = lab.ask(NEW); // waits until the verdict
  assertEquals(await resuming, { version: running, revision: 3, outcome: { kind: "accepted" } });
  await lab.updater.settled();
  assertEquals([lab.updater.probation, lab.updater.phase.startsWith("looking")], [null, true]);
  assertStringIncludes(JSON.stringify((await asked).at(-1)), "status 404");
  assertEquals(lab.log.slice(0, 2).map((line) => line.includes("probation") || line.includes("proved")), [
    true,
    true,
  ]);
});

Deno.test("a version that came from 0.1 keeps all where 0.1 looks for it, and moves it once it is accepted", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, probation_seconds: 1 }));
  const { paths } = lab;
  Deno.writeTextFileSync(paths.launcher, EARLIER_LAUNCHER);
  Deno.writeTextFileSync(paths.revisions, '{"rejected":[{"revision":5}]}');
  Deno.writeTextFileSync(paths.update, EARLIER_PROBATION["update.json"]!);
  Deno.writeTextFileSync(paths.probation, EARLIER_PROBATION["probation"]!);
  assertEquals(exists(join(paths.data, "probation")), true);
  const resuming = lab.updater.resume();
  assertEquals([lab.updater.probation?.version_before, Deno.readTextFileSync(paths.launcher)], [
    EARLIER,
    EARLIER_LAUNCHER,
  ]);
  const { outcome } = (await resuming)!;
  assertEquals([outcome.kind, Deno.readTextFileSync(paths.launcher)], ["accepted", LAUNCHER]);
  assertEquals([...Deno.readDirSync(paths.data)], []);
  assertEquals([...new Revisions(paths).rejected], [5]);
  assertEquals(JSON.parse(Deno.readTextFileSync(join(paths.control, "releases.json"))).serial, 9);
  const refused = JSON.stringify(await lab.ask(EARLIER));
  assertEquals(refused.includes("404"), true, "there is no binary of it here");
});

Deno.test("a server cannot order a version back that knows no control/: only a person goes back to it", async () => {
  await using lab = new UpdaterLab();
  const { paths } = lab;
  layOutOld(paths, NEW);
  Deno.writeTextFileSync(join(paths.control, "earlier_versions.json"), JSON.stringify([NEW]));
  const outcome = await lab.updater.upgrade({ version: NEW, config: {}, revision: 7 });
  assertEquals(outcome, {
    kind: "rejected",
    reason:
      `${NEW} is too old to be put on probation: a person on the node can go back to it with ivy rollback`,
  });
  assertEquals([exists(paths.update), Deno.readLinkSync(paths.current)], [false, running]);
});

function layOutOld({ root, versionFolder }: Paths, version: string): void {
  Deno.mkdirSync(join(root, version));
  Deno.writeTextFileSync(join(root, version, "ivy"), "#!/bin/sh\n", { mode: 0o755 });
  Deno.writeTextFileSync(join(versionFolder, "previous"), `${version}\n`);
}

Deno.test("by the control API: check, and back to the version before", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const routes = updateRoutes(lab.updater);
  const body = JSON.stringify({ version: NEW, folder: null });
  const check = await routes["POST /v1/update/check"]!(new Request("http://ivy/", { method: "POST", body }));
  const date = utcDay(Date.now());
  assertEquals(check, { version: NEW, serial: 7, date, running_version: running });
  const { paths } = lab;
  Deno.mkdirSync(join(paths.root, NEW));
  Deno.writeTextFileSync(join(paths.root, NEW, "ivy"), "binary");
  Deno.writeTextFileSync(join(paths.versionFolder, "previous"), `${NEW}\n`);
  assertEquals(await routes["POST /v1/rollback"]!(new Request("http://ivy/", { method: "POST" })), {
    version: NEW,
  });
  assertEquals(lab.restarts, [`back to Ivy ${NEW}, as asked for`]);
});
