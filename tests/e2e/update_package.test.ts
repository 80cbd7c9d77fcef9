// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { needs } from "../support/needs.ts";
import { openPackageLab, packageOf } from "../support/package_lab.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { startThingsboard, type ThingsboardServer } from "../support/thingsboard_server.ts";
import { until } from "../support/until.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = needs("mosquitto") === undefined ? await twoVersions() : undefined;
const ignore = versions === undefined;
const LIMITS = { maxPayloadSize: 65_536, maxInflightMessages: 100, rateLimits: {} };

const states = (server: ThingsboardServer) => server.states().map(({ fw_state }) => fw_state);

async function untilState(server: ThingsboardServer, lab: UpdateLab, state: string): Promise<void> {
  await until(
    () => `${state}: ${states(server)}\n${lab.log}`,
    () => states(server).at(-1) === state,
    240_000,
  );
}

Deno.test({
  name:
    "ThingsBoard assigns a package: it comes in chunks, over cuts and a kill, and takes over; its states are in order",
  ignore,
  async fn() {
    await using server = await startThingsboard({ sessionLimits: LIMITS });
    await using lab = await openPackageLab(versions!.old, server);
    const bytes = await packageOf(lab, versions!.next);
    const last = Math.ceil(bytes.length / 65_536);
    server.answerChunk = (count) => {
      if (count === 100 || count === 200) server.proxy.cutAll();
      if (count === 300) void lab.lives.at(-1)!.kill();
      return [100, 200, 300].includes(count) ? null : undefined;
    };
    await server.assign({ title: "ivy-field", version: NEW, bytes });
    await untilState(server, lab, "UPDATED");
    assertEquals([lab.active, lab.config.general.software_version], [NEW, NEW]);
    const told = states(server).filter((state, index) => state !== states(server)[index - 1]);
    assertEquals(told, ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "UPDATED"]);
    assertEquals(server.states().at(-1), {
      current_fw_title: "ivy-field",
      current_fw_version: NEW,
      fw_state: "UPDATED",
    });
    assert(server.chunks.length <= last + 10, `${server.chunks.length} requests for ${last} chunks`);
    assert(!exists(join(lab.root, "staging")));
    const { length } = server.states();
    await lab.ivy("rollback");
    await lab.untilLog(/back to Ivy 1\.2\.3, as asked for[^]* ready: 1 procedures[^]*connected to/);
    await until(
      "what runs is told",
      () =>
        server.said("telemetry").some((value) =>
          JSON.stringify(value).includes(`"current_fw_version":"${OLD}"`)
        ),
    );
    assertEquals([lab.active, server.states().length], [OLD, length], "what is over is not taken up again");
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name: "packages that are refused: a stranger's, another version's, a broken one; ThingsBoard is told why",
  ignore,
  async fn() {
    await using server = await startThingsboard({ sessionLimits: LIMITS });
    await using lab = await openPackageLab(versions!.old, server);
    const program = join(lab.folder, "made");
    const facts = JSON.stringify({ software_version: NEW, target: Deno.build.target });
    Deno.writeTextFileSync(program, `#!/bin/sh\ncase $1 in info) echo '${facts}'; exit ;; esac\nexit 1\n`);
    const bytes = await packageOf(lab, program);
    const stranger = bytes.slice();
    stranger[new TextDecoder("latin1").decode(bytes).indexOf("# serial ") + "# serial ".length]! ^= 1;
    const broken = bytes.slice();
    broken[broken.length - 1536 + 20]! ^= 1; // in the last file, before the end of the archive
    const refused: [name: string, firmware: Parameters<ThingsboardServer["assign"]>, reason: RegExp][] = [
      [
        "weak checksum",
        [{ title: "a", version: NEW, bytes }, { fw_checksum_algorithm: "CRC32" }],
        /not CRC32/,
      ],
      ["stranger", [{ title: "b", version: NEW, bytes: stranger }], /0 of the keys that may sign/],
      [
        "other version",
        [{ title: "c", version: "7.8.9", bytes }],
        /version 7\.8\.9 is wanted, but the release is 4/,
      ],
      ["checksum", [{ title: "d", version: NEW, bytes }, { fw_checksum: "ab".repeat(32) }], /SHA256 differs/],
      [
        "no program for it",
        [{ title: "e", version: NEW, bytes: broken }],
        /is not the file that was signed/,
      ],
      [
        "configuration",
        [{ title: "f", version: NEW, bytes }],
        /the configuration is not valid for the new version/,
      ],
    ];
    for (const [name, firmware, reason] of refused) {
      const { length } = server.states();
      await server.assign(...firmware);
      await until(
        () => `${name}: ${states(server)}\n${lab.log}`,
        () => server.states().slice(length).some(({ fw_state }) => fw_state === "FAILED"),
        120_000,
      );
      assertMatch(server.states().at(-1)!["fw_error"]!, reason, name);
      assertEquals(lab.active, OLD);
    }
    await lab.stop();
    assertEquals(lab.lives.length, 1);
    assertNoIdMissing(lab.messages());
  },
});

Deno.test({
  name: "a node that takes its releases from elsewhere tells ThingsBoard so",
  ignore,
  async fn() {
    await using server = await startThingsboard({ sessionLimits: LIMITS });
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => config["backends"] = [{ provider: "thingsboard", ...server.settings }],
    });
    lab.supervise();
    await lab.untilLog(/connected to/);
    await server.assign({ title: "ivy", version: NEW, bytes: new Uint8Array(5) });
    await untilState(server, lab, "FAILED");
    assertMatch(
      server.states()[0]!["fw_error"]!,
      /^this node takes its releases from http: "updater\.provider"/,
    );
    await lab.stop();
  },
});
