// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { plantTreasures } from "../support/doors.ts";
import { freePort } from "../support/free_port.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { backendsIvy, shippedIvy } from "../support/program.ts";
import { startThingsboard } from "../support/thingsboard_server.ts";
import { startRestServer } from "../support/rest_server.ts";
import { createAuthority } from "../support/tls_files.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";

Deno.test({
  name:
    "four backends at once, in one agent: each gets every message, and an outage of one holds up no other",
  ignore,
  async fn(t) {
    await using broker = await startMosquitto();
    await using observer = await observe(broker.port);
    await using rest = startRestServer({ maxBytes: 1_000_000 });
    await using node = new TestNode({ program: await backendsIvy(), procedures: { metronome: {} } });
    const at = (port: number) => ({ host: "127.0.0.1", port });
    node.configure((config) => {
      config.general.system_identifier = "node-1";
      config.backends = [
        { provider: "mqtt", mqtt_connection: at(broker.port) },
        { provider: "tenta", mqtt_connection: at(broker.port), sensor_identifier: SENSOR },
        { provider: "thingsboard", mqtt_connection: at(broker.port) },
        { provider: "http", url: rest.settings["url"] },
        { name: "unreachable", provider: "mqtt", mqtt_connection: at(freePort()) },
      ] as never;
    });
    await using agent = await node.run().ready();

    await t.step("each variant arrives in each server's own form", async () => {
      const seen = (topic: string, word: string) =>
        observer.until(
          `${word} on ${topic}`,
          (own, payload) => own === topic && payload.includes(word) ? payload : undefined,
        );
      const line = JSON.parse(await seen("ivy/node-1/data", '"beat"'));
      assertEquals(node.messages().find(({ id }) => id === line.id), line);
      await seen("ivy/node-1/config/status", "startup");
      const [measured] = JSON.parse(await seen(`measurements/${SENSOR}`, '"beat"'));
      assertEquals(
        Object.keys(measured).sort(),
        ["timestamp", "value"],
        "the template's revision is -1 and is left out",
      );
      await seen(`logs/${SENSOR}`, "configuration -1: startup");
      await seen("v1/devices/me/telemetry", '"beat"');
      await seen("v1/devices/me/attributes", '"software_version"');
      await until("the REST server has beats", () => rest.arrivals().length > 3);
      assertEquals(rest.requests[0]!.headers["ivy-system"], "node-1");
      assert(rest.requests[0]!.headers["ivy-store"]!.length > 8);
    });

    await t.step("status says it", async () => {
      const { backends } = await node.status();
      const connected = Object.entries(backends).filter(([, own]) => own.connected).map(([name]) => name);
      assertEquals(connected, ["mqtt", "tenta", "thingsboard", "http"]);
      assert(backends["unreachable"]!.connection.startsWith("nobody listens on 127.0.0.1:"));
      assert(
        backends["unreachable"]!.messages!.waiting > 0 &&
          backends["unreachable"]!.messages!.acknowledged === 0,
      );
      const { stdout } = await node.ivy("status");
      assert(/unreachable +not connected +0 +\d+ +0 +nobody listens/.test(stdout), stdout);
      assert(/tenta +connected +\d+ +\d+ +0 +127\.0\.0\.1:\d+ \(MQTT 5\)/.test(stdout), stdout);
    });

    await t.step("at its end each has sent all, and what waits for the unreachable one stays", async () => {
      assertEquals((await agent.stop()).code, 0);
      const ids = node.messages().map(({ id }) => id);
      const plain = observer.messages.filter(({ topic }) =>
        /^ivy\/node-1\/(data|log|config\/status)$/.test(topic)
      )
        .map(({ payload }) => JSON.parse(payload).id).sort((a, b) => a - b);
      assertEquals(plain, ids);
      assertEquals(rest.arrivals().map(({ id }) => id).sort((a, b) => a - b), ids);
      assertEquals(
        observer.messages.findLast(({ topic }) => topic === "ivy/node-1/status")!.payload,
        "offline",
      );
    });
  },
});

Deno.test({
  name: "credentials that ThingsBoard gives out are kept over a restart, and nobody else can read them",
  ignore,
  async fn() {
    let requests = 0;
    await using server = await startThingsboard({
      sessionLimits: {},
      provision() {
        requests++;
        return {
          status: "SUCCESS",
          credentialsType: "ACCESS_TOKEN",
          credentialsValue: "token-of-this-device",
        };
      },
    });
    await using node = new TestNode({ program: await backendsIvy(), procedures: {} });
    node.configure((config) => {
      config.backends = [{
        provider: "thingsboard",
        mqtt_connection: { host: "127.0.0.1", port: server.broker.port },
        provisioning: { device_key: "key-1", device_secret: "device-secret" },
      }] as never;
    });
    for (let round = 0; round < 2; round++) {
      await using agent = await node.run().ready();
      await agent.log.until(/thingsboard {2}connected to/);
      await agent.stop();
      assert(!/token-of-this-device|device-secret/.test(agent.log.text + JSON.stringify(node.messages())));
    }
    assertEquals(requests, 1);
    const file = join(node.paths.kept, "thingsboard.json");
    assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
    assertEquals(JSON.parse(Deno.readTextFileSync(file)), { username: "token-of-this-device" });
  },
});

Deno.test("a backend's worker can reach its server and nothing else", async () => {
  await using node = new TestNode({ program: await backendsIvy(), procedures: {} });
  node.configure((config) => {
    config.backends = [{
      provider: "doors",
      data: node.paths.data,
      mqtt_connection: { host: "127.0.0.1", port: 8998 },
    }] as never;
  });
  plantTreasures(node.root);
  await using agent = node.run();
  const [, json] = await agent.log.until(/doors {2}doors (.*)/);
  const found: Record<string, string> = JSON.parse(json!);
  assertEquals(found, Object.fromEntries(Object.keys(found).map((door) => [door, "denied"])));
  await agent.stop();
});

Deno.test("backends: every fault of every entry at once, each with its path", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config.backends = [
      {
        provider: "mqtt",
        mqtt_connection: { host: "a", port: "1883", password: { env: "IVY_NO_SUCH_VARIABLE" } },
      },
      { provider: "mqtt", colour: 1 },
      { provider: "mtqq" },
      {
        provider: "tenta",
        name: "t",
        sensor_identifier: "x",
        mqtt_connection: { host: "a", port: 1, tls: { cert: "x" } },
      },
    ] as never;
  });
  const { code, stdout } = await node.ivy("config", "validate", "--json");
  assertEquals(code, 78);
  assertEquals(
    (JSON.parse(stdout) as { faults: string[] }).faults.toSorted(),
    [
      "backends[0].mqtt_connection.password: the environment variable IVY_NO_SUCH_VARIABLE is not set",
      'backends[0].mqtt_connection.port: expected an integer from 1 to 65535, got "1883"',
      "backends[1].mqtt_connection: expected an object, got nothing",
      'backends[1].name: expected a name that no other backend has, got "mqtt"',
      'backends[1]: unknown key "colour"',
      'backends[2].provider: expected one of "tenta", "thingsboard", "mqtt", "http", got "mtqq" (did you mean "mqtt"?)',
      'backends[3].mqtt_connection.tls: cert and key belong together, got {"cert":"x"}',
      'backends[3].mqtt_connection.tls.cert: expected PEM text (-----BEGIN CERTIFICATE-----) or {"file": "/path"}, got "x"',
      'backends[3].sensor_identifier: expected text (the sensor\'s identifier in Tenta, a version 4 UUID), got "x"',
    ].toSorted(),
  );
});

Deno.test({
  name: "TLS with the system's authorities, and with certificate files that main reads for the worker",
  ignore,
  async fn() {
    const authority = await createAuthority();
    const identity = await authority.issue({ commonName: "localhost", names: ["localhost"] });
    await using broker = await startMosquitto({
      lines: ["certfile {folder}/cert.pem", "keyfile {folder}/key.pem"],
      files: { "cert.pem": identity.cert, "key.pem": identity.key },
    });
    const folder = await Deno.makeTempDir({ prefix: "ivy-authority-" });
    const file = join(folder, "ca.pem");
    await Deno.writeTextFile(file, authority.cert);
    const cases = [
      { tls: {}, env: { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: file } },
      { tls: { ca: { file } }, env: {} },
    ];
    for (const { tls, env } of cases) {
      await using node = new TestNode({ program: shippedIvy(), procedures: {}, env });
      node.configure((config) => {
        config.backends = [{
          provider: "mqtt",
          mqtt_connection: { host: "localhost", port: broker.port, tls },
        }] as never;
      });
      await using agent = await node.run().ready();
      await agent.log.until(/connected to localhost:\d+ \(MQTT 5, TLS\)/);
      await agent.stop();
    }
    await Deno.remove(folder, { recursive: true });
  },
});
