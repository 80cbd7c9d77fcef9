// Runs in: tests.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import {
  describeBinary,
  readInstalledVersions,
  recordVersion,
} from "../../../src/agent/installed_versions.ts";
import { exists } from "../../../src/agent/paths.ts";
import { readKnownReleases, rememberReleases } from "../../../src/agent/updater/known_releases.ts";
import { learnOwnSerial } from "../../../src/agent/updater/own_serial.ts";
import type { Outcome } from "../../../src/agent/updater/reconfigure.ts";
import { rollBack } from "../../../src/agent/updater/roll_back.ts";
import { makeRelease } from "../../../src/build/release.ts";
import { namesFor, parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../../src/shared/release.ts";
import { contentDigest, dateOf, isForProduct } from "../../../src/shared/release_marks.ts";
import { createKeys } from "../../../src/shared/signatures.ts";
import { product, version as running } from "../../../src/shared/version.ts";
import { keys, NEW, script, UpdaterLab } from "../../support/updater_lab.ts";

/** The attacks on updates that TUF names, each against a whole updater. */
const stranger = await createKeys();

function assertRefused(lab: UpdaterLab, outcome: Outcome, reason: RegExp): void {
  assertEquals(outcome.kind, "rejected");
  assertMatch((outcome as { reason: string }).reason, reason);
  assertEquals([lab.restarts, Deno.readLinkSync(lab.paths.current)], [[], running], "nothing has changed");
}

function assertSwitched(lab: UpdaterLab, outcome: Outcome): void {
  assertEquals(outcome, { kind: "interrupted" });
  assertEquals(Deno.readLinkSync(lab.paths.current), NEW);
}

/** What lies on the server. */
function published(lab: UpdaterLab, name: string): string {
  return join(lab.folder, "web", NEW, name);
}

Deno.test("arbitrary software: what nobody who may has signed is not taken", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7, { signers: [stranger.privatePem] });
  assertRefused(lab, await lab.order(), /0 of the keys that may sign/);
});

Deno.test("arbitrary software, by a release worker that was taken over: main reads and verifies all itself", async () => {
  const evil = "#!/bin/sh\n# evil\n";
  const lies: [what: string, reason: RegExp, lie: (lab: UpdaterLab) => Promise<void>][] = [
    ["an unsigned list", /0 of the keys/, async (lab) => await lab.sign(stranger.privatePem)],
    ["another binary", /is not the file that was signed/, async (lab) => {
      await Deno.writeTextFile(published(lab, namesFor(Deno.build.target).binary), evil);
    }],
    ["a list of another version", /version 4\.5\.6 is wanted, but the release is 4\.0\.0/, async (lab) => {
      const binaries = { [Deno.build.target]: join(lab.folder, "made") };
      const output = join(lab.folder, "web", NEW);
      await makeRelease({ binaries, output, version: "4.0.0", serial: 7, acceptance: "// none" });
      await lab.sign(keys.privatePem);
    }],
    ["an old list", /it is an old one/, (lab) => {
      rememberReleases(lab.paths, (known) => known.serial = 8);
      return Promise.resolve();
    }],
  ];
  for (const [what, reason, lie] of lies) {
    await using lab = new UpdaterLab((same) => same, undefined, undefined, {
      releaseModule: import.meta.resolve("../../support/lying_release_worker.ts"),
    });
    await lab.publish(script());
    await lie(lab);
    const wish = { version: NEW, config: {}, revision: 5, folder: join(lab.folder, "web", NEW) };
    const outcome = await lab.updater.upgrade(wish);
    assertEquals(outcome.kind, "rejected", what);
    assertRefused(lab, outcome, reason);
  }
});

Deno.test("rollback: a release with a lower serial than the highest that was accepted is refused", async () => {
  await using lab = new UpdaterLab();
  rememberReleases(lab.paths, (known) => known.serial = 8);
  await lab.publish(script(), 7);
  assertRefused(lab, await lab.order(), /serial 7, and 8 was here already/);
});

Deno.test("rollback: a server cannot order the version before back when its serial is lower, a person can", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7);
  await lab.layOutPrevious();
  rememberReleases(lab.paths, (known) => known.serial = 8);
  assertRefused(lab, await lab.order(), /serial 7, and 8 was here already/);
  assertEquals(lab.server.served, []);
  assertEquals(rollBack(lab.paths), NEW);
  assertEquals(Deno.readLinkSync(lab.paths.current), NEW);
});

Deno.test("a server may order the version before back when its list is signed and its serial is the highest", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7);
  await lab.layOutPrevious();
  rememberReleases(lab.paths, (known) => known.serial = 7);
  assertSwitched(lab, await lab.order());
  assertEquals(lab.server.served, [], "it lies here");
  const { serial, digest } = JSON.parse(Deno.readTextFileSync(lab.paths.update));
  const release = parseSums(Deno.readTextFileSync(published(lab, SUMS_NAME)));
  assertEquals([serial, digest], [7, await contentDigest(release)]);
});

const UNPROVEN: [name: string, spoil: (lab: UpdaterLab, folder: string) => void | Promise<void>][] = [
  ["it has no list", (_lab, folder) => Deno.removeSync(join(folder, SUMS_NAME))],
  ["it has no signature", (_lab, folder) => Deno.removeSync(join(folder, SIGNATURES_NAME))],
  ["its list was changed", (_lab, folder) => {
    const list = join(folder, SUMS_NAME);
    Deno.writeTextFileSync(list, Deno.readTextFileSync(list).replace("serial 7", "serial 9"));
  }],
  ["its binary is not in its list, though on record", async (lab, folder) => {
    Deno.writeTextFileSync(join(folder, "ivy"), script("exit 0 # evil"));
    recordVersion(lab.paths, NEW, await describeBinary(join(folder, "ivy"), "release"));
  }],
  ["its binary is not the one on record", (_lab, folder) => {
    Deno.writeTextFileSync(join(folder, "ivy"), script("exit 0 # evil"));
  }],
  ["nothing is on record", (lab) => Deno.removeSync(lab.paths.versions)],
];

for (const [name, spoil] of UNPROVEN) {
  Deno.test(`a server's order does not reuse the version before, but fetches it anew: ${name}`, async () => {
    await using lab = new UpdaterLab();
    await lab.publish(script(), 7);
    await lab.layOutPrevious();
    await spoil(lab, join(lab.paths.root, NEW));
    await Deno.rename(join(lab.folder, "web", NEW), join(lab.folder, "away"));
    const refused = await lab.order();
    assertEquals([refused.kind, Deno.readLinkSync(lab.paths.current)], ["postponed", running]);
    await Deno.rename(join(lab.folder, "away"), join(lab.folder, "web", NEW));
    if (name === "nothing is on record") recordVersion(lab.paths, NEW, RECORD); // else it is not ours to remove
    assertSwitched(lab, await lab.order());
    assertEquals(Deno.readTextFileSync(join(lab.paths.root, NEW, "ivy")), script());
  });
}

const RECORD = { sha256: "0".repeat(64), size_bytes: script().length, came: "release" } as const;

Deno.test("a version that a person has installed without a list is that person's, until a release is accepted", async () => {
  for (const serial of [0, 7]) {
    await using lab = new UpdaterLab();
    await lab.publish(script());
    await lab.layOutPrevious("by_hand");
    Deno.removeSync(join(lab.paths.root, NEW, SUMS_NAME));
    await Deno.remove(join(lab.folder, "web", NEW), { recursive: true });
    if (serial > 0) rememberReleases(lab.paths, (known) => known.serial = serial);
    const outcome = await lab.order();
    if (serial === 0) assertSwitched(lab, outcome);
    else assertEquals([outcome.kind, Deno.readLinkSync(lab.paths.current)], ["postponed", running]);
  }
});

Deno.test("rollback: a node that was set up by hand starts at its binary's own serial", async () => {
  await using lab = new UpdaterLab();
  const { paths } = lab;
  const binary = join(paths.versionFolder, "ivy");
  recordVersion(paths, running, await describeBinary(binary, "by_hand"));
  const beside = join(lab.folder, "download");
  const program = join(beside, `ivy-${Deno.build.target}`);
  const binaries = { [Deno.build.target]: binary };
  await makeRelease({ binaries, output: beside, version: running, serial: 9, acceptance: "// none" });
  Deno.renameSync(join(beside, SUMS_NAME), join(beside, "away"));
  assertMatch(
    (await learnOwnSerial(paths, [running], program)).join(),
    /serial is unknown: the first signed release/,
  );
  assertEquals([await learnOwnSerial(paths, [], program), exists(paths.releases)], [[], false], "said once");
  Deno.renameSync(join(beside, "away"), join(beside, SUMS_NAME));
  assertMatch(
    (await learnOwnSerial(paths, [running], program)).join(),
    /with serial 9: older releases are refused/,
  );
  assertEquals(readKnownReleases(paths)?.serial, 9);
  assert(exists(join(paths.versionFolder, SUMS_NAME)), "it stays beside the version");
  assertEquals(await learnOwnSerial(paths, [running], program), [], "said once");
  await lab.publish(script(), 8);
  assertRefused(lab, await lab.order(), /serial 8, and 9 was here already/);
});

Deno.test("fast-forward: no list beside a binary counts that is another binary's, version's, product's or user's", async () => {
  const wrong: { version?: string; product?: string; text?: string; uid?: number }[] = [
    { version: "9.9.9" },
    { product: "@other/fork" },
    { text: "another binary" },
    ...(Deno.uid() === 0 ? [{ uid: 12_345 }] : []),
  ];
  for (const { version = running, product: of = product, text, uid } of wrong) {
    await using lab = new UpdaterLab();
    const { paths } = lab;
    const binary = join(paths.versionFolder, "ivy");
    recordVersion(paths, running, await describeBinary(binary, "by_hand"));
    const made = join(lab.folder, "made");
    Deno.writeTextFileSync(made, text ?? Deno.readTextFileSync(binary));
    const binaries = { [Deno.build.target]: made };
    const output = join(lab.folder, "download");
    await makeRelease({ binaries, output, version, serial: 9, acceptance: "// none", product: of });
    if (uid !== undefined) Deno.chownSync(join(output, SUMS_NAME), uid, null);
    await learnOwnSerial(paths, [running], join(output, `ivy-${Deno.build.target}`));
    assertEquals(exists(paths.releases), false);
  }
});

Deno.test("fast-forward: a serial that no number can hold is refused, and one counts only once its release is accepted", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7);
  const list = published(lab, SUMS_NAME);
  for (const serial of [String(2 ** 53), "9".repeat(400), "1e3", "-1", "07", "0x7"]) {
    const text = Deno.readTextFileSync(list);
    Deno.writeTextFileSync(list, text.replace("serial 7", `serial ${serial}`));
    await lab.sign(keys.privatePem);
    assertRefused(lab, await lab.order(), /no list of a release's files/);
    Deno.writeTextFileSync(list, text);
  }
  await lab.publish(script(`[ "$1" = test ] && exit 1; exit 0`), Number.MAX_SAFE_INTEGER);
  assertRefused(lab, await lab.order(), /acceptance tests failed/);
  assertEquals(readKnownReleases(lab.paths)?.serial, 0);
  await lab.publish(script(), 7);
  assertSwitched(lab, await lab.order());
});

Deno.test("mix-and-match: another release's binary in the place of the one that is listed is refused", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script("exit 0 # older"), 6);
  const { compressed } = namesFor(Deno.build.target);
  const older = await Deno.readFile(published(lab, compressed));
  await lab.publish(script("exit 0 # newer"), 7);
  await Deno.writeFile(published(lab, compressed), older);
  assertRefused(lab, await lab.order(), /is not the file that was signed|is longer than/);
});

Deno.test("mix-and-match: an accepted serial with other files is refused, with a newer date it is the same release", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7, { date: "2026-01-31" });
  const accepted = parseSums(Deno.readTextFileSync(published(lab, SUMS_NAME)));
  const digest = await contentDigest(accepted);
  rememberReleases(lab.paths, (known) => Object.assign(known, { serial: 7, digest }));
  await lab.publish(script(), 7, { acceptance: "// others", date: "2026-01-31" });
  assertRefused(lab, await lab.order(), /serial 7 as one that was here, but other files/);
  await lab.publish(script(), 7, { date: "2026-11-30" });
  const renewed = parseSums(Deno.readTextFileSync(published(lab, SUMS_NAME)));
  assertEquals([dateOf(renewed), await contentDigest(renewed)], ["2026-11-30", digest]);
  assertSwitched(lab, await lab.order());
});

Deno.test("a release that has failed here stays refused when its list is signed again with a newer date", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7, { date: "2026-01-31" });
  const digest = await contentDigest(parseSums(Deno.readTextFileSync(published(lab, SUMS_NAME))));
  rememberReleases(lab.paths, (known) => known.failed[digest] = "it crashed");
  await lab.publish(script(), 7, { date: "2026-11-30" });
  assertRefused(lab, await lab.order(), /failed here before: it crashed/);
});

Deno.test("wrong product: a fork's release that the same key has signed is refused", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(), 7, { product: "@other/fork" });
  assertRefused(lab, await lab.order(), /release 4\.5\.6 is of another product than @ivy\/agent/);
  await assertRejects(() => lab.updater.check(NEW), Error, "of another product");
});

Deno.test("wrong product: a list without its name is one of 0.1, and no fork's", async () => {
  const release = {
    version: "0.1.5",
    serial: 5,
    files: [{ name: "ivy", sizeBytes: 1, sha256: "0".repeat(64) }],
  };
  assertEquals(await isForProduct(release, "@ivy/agent"), true);
  assertEquals(await isForProduct(release, "@other/fork"), false);
});

Deno.test("key compromise: one of two keys that must sign is not enough, be it once or twice", async () => {
  const both = (updater: Record<string, unknown>) => ({
    ...updater,
    public_keys: [keys.publicKey, stranger.publicKey],
    threshold: 2,
  });
  await using lab = new UpdaterLab(both);
  await lab.publish(script());
  assertRefused(lab, await lab.order(), /1 of the keys .* 2 must/);
  const file = published(lab, SIGNATURES_NAME);
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).repeat(2));
  assertRefused(lab, await lab.order(), /0 of the keys .* 2 must/);
  await lab.sign(keys.privatePem, stranger.privatePem);
  assertSwitched(lab, await lab.order());
});

Deno.test("key compromise: once a person has removed a key, a server cannot bring back what it has signed", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, public_keys: [stranger.publicKey] }));
  await lab.publish(script());
  await lab.layOutPrevious();
  assertRefused(lab, await lab.order(), /0 of the keys that may sign/);
  assertEquals(readInstalledVersions(lab.paths).get(NEW)?.came, "release");
});

for (const name of [SUMS_NAME, SIGNATURES_NAME]) {
  Deno.test(`endless data: ${name} without an end is refused at its bound`, async () => {
    let sent = 0;
    await using lab = new UpdaterLab((same) => same, undefined, undefined, {
      answer: (_request, path) =>
        !path.endsWith(`/${name}`) ? undefined : new Response(
          new ReadableStream({
            pull(controller) {
              sent += 8192;
              controller.enqueue(new Uint8Array(8192));
            },
          }),
        ),
    });
    await lab.publish(script());
    assertRefused(lab, await lab.order(), /is longer than 65536 bytes/);
    assert(sent < 10_000_000, `${sent} bytes were taken`);
  });

  Deno.test(`slow retrieval: ${name} that drips is given up, and tried again later`, async () => {
    let timer: ReturnType<typeof setInterval>;
    await using lab = new UpdaterLab((same) => same, undefined, undefined, {
      answer: (_request, path) =>
        !path.endsWith(`/${name}`) ? undefined : new Response(
          new ReadableStream({
            start: (controller) =>
              void (timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 20)),
            cancel: () => clearInterval(timer),
          }),
        ),
    });
    await lab.publish(script());
    assertEquals(await lab.order(), { kind: "postponed", reason: "the server sends almost nothing" });
  });
}

const JUNE_30_MS = Date.parse("2026-06-30T12:00:00Z");
const DAY_MS = 86_400_000;

Deno.test("freeze: a source that offers nothing new is warned of once a day, also when it is not to be reached", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, max_age_days: 30 }));
  const look = async (days: number) => {
    await lab.updater.watchSource(JUNE_30_MS + days * DAY_MS);
    return lab.updater.sourceWarning;
  };
  await lab.publish(script(), 7, { date: "2026-06-30" });
  await Deno.rename(join(lab.folder, "web", NEW), join(lab.folder, "web", "latest"));
  assertEquals(await look(0), undefined);
  assertEquals(await look(30), undefined);
  const asked = lab.server.served.length;
  assertEquals([await look(30.5), lab.server.served.length], [undefined, asked], "it is asked once a day");
  assertMatch(`${await look(31)}`, /is of 2026-06-30, 31 days ago, and updater\.max_age_days is 30/);
  await Deno.rename(join(lab.folder, "web", "latest"), join(lab.folder, "away"));
  assertMatch(`${await look(32)}`, /32 days ago/);
  assertMatch(`${await look(32.2)}`, /32 days ago/);
  assertEquals(lab.log.filter((line) => line.includes("days ago")).length, 2, "once a day");
  assert(!exists(lab.paths.staging));
});

Deno.test("freeze: an older list that is offered again makes a source no younger, a newer date does", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, max_age_days: 30 }));
  const offer = async (date: string) => {
    await lab.publish(script(), 7, { date });
    await Deno.remove(join(lab.folder, "web", "latest"), { recursive: true }).catch(() => {});
    await Deno.rename(join(lab.folder, "web", NEW), join(lab.folder, "web", "latest"));
  };
  await offer("2026-06-30");
  await lab.updater.watchSource(JUNE_30_MS);
  await offer("2026-05-01");
  await lab.updater.watchSource(JUNE_30_MS + DAY_MS);
  assertEquals(lab.updater.sourceWarning, undefined, "the newest that was seen counts");
  await lab.updater.watchSource(JUNE_30_MS + 40 * DAY_MS);
  assertMatch(`${lab.updater.sourceWarning}`, /is of 2026-06-30/);
  await offer("2026-08-09");
  await lab.updater.watchSource(JUNE_30_MS + 41 * DAY_MS);
  assertEquals(lab.updater.sourceWarning, undefined);
});

Deno.test("freeze: a stranger's date counts nothing; nobody is asked unless a person wants it", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, max_age_days: 30 }));
  await lab.publish(script(), 7, { date: "2026-06-30", signers: [stranger.privatePem] });
  await Deno.rename(join(lab.folder, "web", NEW), join(lab.folder, "web", "latest"));
  await lab.updater.watchSource(JUNE_30_MS);
  assertMatch(`${lab.updater.sourceWarning}`, /nobody knows how old .* 0 of the keys/);
  await using quiet = new UpdaterLab();
  await quiet.updater.watchSource(JUNE_30_MS);
  assertEquals([quiet.updater.sourceWarning, quiet.server.served], [undefined, []]);
});

Deno.test("version 0.1 reads a list with product and date: all of it is in lines that it knows", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script());
  const lines = Deno.readTextFileSync(published(lab, SUMS_NAME)).trimEnd().split("\n");
  const known = /^# (version|serial|size) \S+$|^[0-9a-f]{64} {2}[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
  assertEquals(lines.filter((line) => !known.test(line)), []);
  assertEquals(lines.filter((line) => /\b(product|date-\d{4}-\d\d-\d\d)$/.test(line)).length, 2);
});
