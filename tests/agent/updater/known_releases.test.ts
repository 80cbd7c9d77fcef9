// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { readKnownReleases, rememberReleases } from "../../../src/agent/updater/known_releases.ts";
import { NEW, script, UpdaterLab } from "../../support/updater_lab.ts";

const DAMAGED = ["", "{", "null", "[]", '{"failed":{}}', '{"serial":"7"}', '{"serial":null}'];

for (const text of DAMAGED) {
  Deno.test(`a node that no longer knows which releases were here takes none: ${text || "(empty)"}`, async () => {
    await using lab = new UpdaterLab();
    await lab.publish(script(`[ "$1" = test ] && exit 1; exit 0`));
    Deno.writeTextFileSync(lab.paths.releases, text);
    const [last] = (await lab.ask(NEW)).slice(-1) as { outcome: { kind: string; reason: string } }[];
    assertEquals(last!.outcome.kind, "postponed");
    assertMatch(last!.outcome.reason, /releases\.json is damaged.*remove it/);
    rememberReleases(lab.paths, (known) => known.failed["digest"] = "it failed");
    assertEquals(Deno.readTextFileSync(lab.paths.releases), text, "what is not known is not made up");
    rememberReleases(lab.paths, (known) => known.serial = Math.max(known.serial, 7));
    assertEquals(readKnownReleases(lab.paths), { serial: 7, failed: {}, waiting: {} });
  });
}
