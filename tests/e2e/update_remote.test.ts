// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { valuesOf } from "../support/messages.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { type MqttObserver, observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import type { TestConfig } from "../support/node.ts";
import { assertNoIdMissing } from "../support/steady.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";

const versions = needs("mosquitto") === undefined ? await twoVersions() : undefined;
const ignore = versions === undefined;
const SENSOR = "81bf7042-e20f-4a97-ac44-c15853e3618f";
const BEAT_MS = 250;
/** Longest time without a measurement while versions change, in milliseconds. */
const GAP_LIMIT_MS = 5000;

interface Server {
  backend: Record<string, unknown>;
  send: (observer: MqttObserver, revision: number, config: TestConfig) => Promise<void>;
  /** The verdict on a revision: true = accepted. */
  verdict: (observer: MqttObserver, revision: number) => Promise<boolean>;
}

const tenta: Server = {
  backend: { provider: "tenta", sensor_identifier: SENSOR },
  send: (observer, revision, configuration) =>
    observer.publish(`configurations/${SENSOR}`, JSON.stringify({ configuration, revision }), {
      retain: true,
    }),
  verdict: (observer, revision) =>
    observer.until(`the verdict on ${revision}`, (topic, payload) => {
      if (!topic.startsWith("acknowledgments/")) return undefined;
      const list = JSON.parse(payload) as { revision: number; success: boolean }[];
      return list.find((element) => element.revision === revision)?.success;
    }, 40_000),
};

const thingsboard: Server = {
  backend: { provider: "thingsboard" },
  send: (observer, _revision, configuration) =>
    observer.publish("v1/devices/me/attributes", JSON.stringify({ configuration }), { retain: true }),
  verdict: (observer, revision) =>
    observer.until(`the verdict on ${revision}`, (topic, payload) => {
      if (topic !== "v1/devices/me/telemetry") return undefined;
      const list = [JSON.parse(payload)].flat() as { values?: Record<string, unknown> }[];
      for (const { values = {} } of list) {
        const { status, config } = (values["configuration"] ?? {}) as {
          status?: string;
          config?: TestConfig;
        };
        const isVerdict = status === "accepted" || status === "rejected";
        if (isVerdict && config?.general.config_revision === revision) return status === "accepted";
      }
      return undefined;
    }, 40_000),
};

for (const [name, server] of Object.entries({ tenta, thingsboard })) {
  Deno.test({
    name:
      `a configuration for another version, from ${name}: there, and to the old one as a new release, no message lost or out of order`,
    ignore: ignore || (name === "thingsboard" && Deno.env.get("IVY_NIGHTLY") !== "1"),
    async fn() {
      await using broker = await startMosquitto();
      const mqtt = { host: "127.0.0.1", port: broker.port, username: "node", password: "node" };
      await using lab = await UpdateLab.open({
        old: versions!.old,
        configure: (config) => {
          config.general.config_revision = 1;
          config["backends"] = [{ ...server.backend, mqtt_connection: mqtt }];
          // longer than ThingsBoard's backend waits for an answer that Mosquitto does not give
          Object.assign(config["updater"] as object, { probation_seconds: 6 });
        },
      });
      await lab.publish(versions!.next);
      await using observer = await observe(broker.port);
      lab.supervise();
      await lab.untilLog(/ ready: 1 procedures[^]*connected to|connected to[^]* ready: 1 procedures/);
      const config = lab.config;
      for (const [revision, version] of [[2, NEW], [3, OLD]] as const) {
        // a server may order an older version only when that is signed anew as the newest release
        if (version === OLD) await lab.publish(versions!.old, { version, serial: 8 });
        config.general.software_version = version;
        config.general.config_revision = revision;
        await server.send(observer, revision, config);
        const verdict = await server.verdict(observer, revision).catch((cause) => {
          throw new Error(lab.log, { cause });
        });
        assertEquals(verdict, true, lab.log);
        assertEquals([lab.active, lab.config.general.config_revision], [version, revision]);
      }
      await lab.stop();
      assertEquals(lab.lives.length, 1);
      const messages = lab.messages();
      assertNoIdMissing(messages);
      const beats = valuesOf(messages, "beat") as number[];
      assertEquals(beats, beats.toSorted((a, b) => a - b));
      const gaps = beats.slice(1).map((beat, index) => (beat - beats[index]! - 1) * BEAT_MS);
      assert(Math.max(...gaps) <= GAP_LIMIT_MS, `${gaps}`);
      assertMatch(lab.log, /DEBUG|INFO/);
    },
  });
}

Deno.test({
  name:
    "a broker that the old version cannot reach either is no fault of the new one: back, and tried again later",
  ignore,
  async fn() {
    await using broker = await startMosquitto();
    const mqtt = { host: "127.0.0.1", port: broker.port, username: "node", password: "node" };
    await using lab = await UpdateLab.open({
      old: versions!.old,
      configure: (config) => {
        config.general.config_revision = 1;
        config["backends"] = [{ ...tenta.backend, mqtt_connection: mqtt }];
      },
    });
    await lab.publish(versions!.next);
    await using observer = await observe(broker.port);
    lab.supervise();
    await lab.untilLog(/ ready: 1 procedures[^]*connected to|connected to[^]* ready: 1 procedures/);
    const config = lab.config;
    config.general.software_version = NEW;
    config.general.config_revision = 2;
    await tenta.send(observer, 2, config);
    await lab.untilLog(/switching from 1\.2\.3 to 4\.5\.6/);
    await broker.kill();
    await lab.untilLog(/the old version does not reach it either[^\n]*it will be tried again/);
    assertEquals(lab.active, OLD);
    await lab.stop();
    assertNoIdMissing(lab.messages());
  },
});
