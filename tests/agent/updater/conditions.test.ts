// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { pathsOf } from "../../../src/agent/paths.ts";
import { writePackages } from "../../../src/cli/release_package.ts";
import { packageName } from "../../../src/shared/package_file.ts";
import { Packages } from "../../../src/agent/updater/packages.ts";
import { createLogger } from "../../../src/shared/logger.ts";
import { parseSums, SIGNATURES_NAME, SUMS_NAME } from "../../../src/shared/release.ts";
import { contentDigest } from "../../../src/shared/release_marks.ts";
import { mayMount, SmallDisk } from "../../support/small_disk.ts";
import { until } from "../../support/until.ts";

import { NEW, script, UpdaterLab } from "../../support/updater_lab.ts";

Deno.test("a fleet does not come at once: a wish from afar waits for a while, a person does not", async () => {
  await using lab = new UpdaterLab((updater) => ({ ...updater, jitter_seconds: 86_400 }));
  await lab.publish(script(`[ "$1" = test ] && exit 1; exit 0`));
  const wish = { version: NEW, config: {}, revision: 5 };
  const waiting = lab.updater.upgrade(wish);
  await until("it waits", () => /^waiting up to 86400 s/.test(lab.updater.phase));
  assertEquals(lab.server.served, [], "nothing is asked for meanwhile");
  lab.updater.stop();
  assertEquals(await waiting, { kind: "interrupted" });

  await using short = new UpdaterLab((updater) => ({ ...updater, jitter_seconds: 1 }));
  await short.publish(script(`[ "$1" = test ] && exit 1; exit 0`));
  assertEquals((await short.updater.upgrade(wish)).kind, "rejected");
  await short.ask(NEW);
  assertEquals(short.log.filter((line) => line.startsWith("waiting")).length, 1, "a person does not wait");
});

Deno.test({
  name: "an update that the disk has no room for is not even begun, and tried again later",
  ignore: !mayMount(),
  async fn() {
    using disk = new SmallDisk(3_000_000);
    await using lab = new UpdaterLab(undefined, join(disk.path, "root"));
    await lab.publish(`${script()}#${"x".repeat(2_000_000)}\n`);
    const [last] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
    assertEquals(last!.outcome.kind, "postponed");
    assertMatch(last!.outcome.reason, /^the disk has [\d.]+ MB free, and the update needs 4\.0 MB$/);
    assertEquals(lab.server.served.map(({ path }) => path.split("/")[1]), [SUMS_NAME, SIGNATURES_NAME]);
  },
});

Deno.test("a release that something else kept from proving itself is tried again in time, and not before", async () => {
  await using lab = new UpdaterLab();
  await lab.publish(script(`[ "$1" = test ] && exit 1; exit 0`));
  const list = join(lab.folder, "web", NEW, SUMS_NAME);
  const digest = await contentDigest(parseSums(Deno.readTextFileSync(list)));
  const remember = (atMs: number) =>
    Deno.writeTextFileSync(lab.paths.releases, JSON.stringify({ serial: 7, waiting: { [digest]: atMs } }));
  remember(Date.now() + 3_600_000);
  const [early] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
  assertEquals(early!.outcome.kind, "postponed");
  assertMatch(early!.outcome.reason, /^it is tried again at 20/);
  remember(Date.now() - 1);
  const [late] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
  assertMatch(late!.outcome.reason, /acceptance tests failed/);
});

Deno.test("a configuration for a version that a server offers as a package: it comes from there, and is told", async () => {
  const reports: string[] = [];
  let bytes = new Uint8Array();
  const root = Deno.makeTempDirSync({ prefix: "ivy-updater-" });
  const paths = pathsOf(root);
  Deno.mkdirSync(paths.data);
  Deno.mkdirSync(paths.control);
  const packages = new Packages({
    paths,
    logger: createLogger("updater", () => {}),
    bringers: () => [{
      name: "main",
      bringPackage: (port) => {
        port.onmessage = ({ data: { offset } }) =>
          port.postMessage({ type: "part", offset, bytes: bytes.slice(offset, offset + 65_536) });
        return true;
      },
      tellReport: ({ state, error }) => void reports.push(error === undefined ? state : `${state}: ${error}`),
    }],
    onOffer: () => {},
  });
  const provide = (updater: Record<string, unknown>) => ({ ...updater, provider: "thingsboard" });
  await using lab = new UpdaterLab(provide, paths.root, packages);
  await lab.publish(script(`[ "$1" = test ] && { echo "the valve is stuck"; exit 1; }; exit 0`));
  const folder = join(lab.folder, "web", NEW);
  await writePackages(folder, parseSums(Deno.readTextFileSync(join(folder, SUMS_NAME))));
  bytes = Deno.readFileSync(join(folder, packageName(Deno.build.target)));
  const wish = { version: NEW, config: {}, revision: 5 };
  assertEquals(await lab.updater.upgrade(wish), {
    kind: "postponed",
    reason: `no server offers ${NEW} as a package now`,
  });
  const checksum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const { length: sizeBytes } = bytes;
  packages.desk("main").offered({ title: "ivy", version: NEW, sizeBytes, checksum, algorithm: "SHA256" });
  assertEquals((await lab.updater.upgrade(wish)).kind, "rejected");
  assertEquals(lab.server.served, [], "nothing was asked of any other server");
  assertEquals(reports.map((report) => report.replace(/: .*/, "")), [
    "DOWNLOADING",
    "DOWNLOADED",
    "VERIFIED",
    "FAILED",
  ]);
  assertMatch(reports.at(-1)!, /the valve is stuck/);
  await Deno.remove(root, { recursive: true });
});
