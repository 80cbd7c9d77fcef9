// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import mqtt from "../../src/backends/mqtt.ts";
import { exampleMessage } from "../support/backend_suite.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { createMqttTap } from "../support/mqtt_tap.ts";
import { observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { backendsIvy } from "../support/program.ts";
import { runBackend } from "../support/run_backend.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

const isNightly = Deno.env.get("IVY_NIGHTLY") === "1";
const ignore = needs("mosquitto") !== undefined;
const KILLS = isNightly ? 200 : 25;
const STOPPED_MS = isNightly ? 30_000 : 4000;

Deno.test(`fault 3 of the ancestor: killed ${KILLS} times while it writes its configuration, which is whole each time`, async () => {
  const folder = await Deno.makeTempDir({ prefix: "ivy-fault-3-" });
  const path = join(folder, "config.json");
  const writer = fromFileUrl(new URL("../support/config_writer.ts", import.meta.url));
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--allow-all", "--no-check", writer, path],
        stdin: "null",
        stdout: "piped",
      }).spawn();
      await child.stdout.getReader().read();
      await new Promise((resolve) => setTimeout(resolve, 20 * Math.random())); // the moment is what is tested
      child.kill("SIGKILL");
      await child.status;
      const { general, filler } = JSON.parse(await Deno.readTextFile(path));
      assert(general.config_revision >= 1 && filler.length === 50_000);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: `fault 5 of the ancestor: the broker is stopped for ${
    STOPPED_MS / 1000
  } s, then killed, and nothing is lost`,
  ignore,
  async fn() {
    await using broker = await startMosquitto();
    const tap = createMqttTap();
    await using proxy = startTcpProxy({ target: broker, up: tap.up, down: tap.down });
    const store = createFakeStore();
    const settings = { mqtt_connection: { host: "127.0.0.1", port: proxy.port } };
    await using running = runBackend(mqtt, { store, settings });
    await running.connected();
    let lastId = 0;
    const ids: number[] = [];
    const sending = setInterval(() => ids.push(...store.add([exampleMessage("data", ++lastId)])), 5);
    await until("messages arrive", () => store.acknowledged.length > 20);
    broker.pause();
    const stoppedMs = performance.now();
    await until("its time is over", () => performance.now() - stoppedMs > STOPPED_MS, STOPPED_MS + 5000);
    await broker.kill();
    await broker.start();
    const newest = lastId;
    await until("messages arrive again", () => store.acknowledged.includes(newest), 60_000);
    clearInterval(sending);
    await until("all have arrived", () => ids.every((id) => store.acknowledged.includes(id)), 60_000);
    const accepted = new Set(
      tap.publishes.filter(({ answer }) => answer !== undefined).map(({ payload }) =>
        /"id":(\d+)/.exec(payload)?.[1]
      ),
    );
    assertEquals(ids.filter((id) => !accepted.has(String(id))), []);
  },
});

Deno.test({
  name: "fault 9 of the ancestor: without a broker the agent measures on, and connects when there is one",
  ignore,
  async fn() {
    await using broker = await startMosquitto();
    await using node = new TestNode({ program: await backendsIvy(), procedures: { metronome: {} } });
    node.configure((config) => {
      config.backends = [{
        provider: "mqtt",
        mqtt_connection: { host: "127.0.0.1", port: broker.port },
      }] as never;
    });
    await broker.kill();
    await using agent = await node.run().ready();
    await agent.log.until(
      /WARNING {3}mqtt {2}not connected: nobody listens on 127\.0\.0\.1:\d+; next attempt in/,
    );
    await node.untilMessages("beats", (messages) => messages.length > 8 || undefined);
    const { backends, procedures } = await node.status();
    assertEquals([backends["mqtt"]!.state, backends["mqtt"]!.connected, backends["mqtt"]!.restarts], [
      "running",
      false,
      0,
    ]);
    assertEquals(procedures["metronome"]!.restarts, 0);
    await broker.start();
    await agent.log.until(/mqtt {2}connected to 127\.0\.0\.1:\d+ \(MQTT 5\) again, after/);
    await using observer = await observe(broker.port);
    await observer.until("beats", (topic) => topic.endsWith("/data") || undefined);
    assertEquals(agent.log.text.match(/not connected/g)!.length >= 1, true);
    assertEquals((await agent.stop()).code, 0);
  },
});

Deno.test({
  name: "fault 12 of the ancestor: no password and no token is logged, or published in the start-up message",
  ignore,
  async fn() {
    const secrets = ["pass-word-of-mqtt", "token-of-thingsboard", "token-of-http", "secret-in-a-file"];
    await using broker = await startMosquitto();
    await using observer = await observe(broker.port);
    await using node = new TestNode({ program: await backendsIvy(), procedures: { metronome: {} } });
    node.configure((config) => {
      const at = { host: "127.0.0.1", port: broker.port };
      config.backends = [
        { provider: "mqtt", mqtt_connection: { ...at, username: "node", password: secrets[0] } },
        { provider: "thingsboard", mqtt_connection: { ...at, username: secrets[1], client_id: "tb" } },
        { provider: "http", url: "http://127.0.0.1:9/messages", access_token: secrets[2] },
        {
          name: "second",
          provider: "mqtt",
          mqtt_connection: { ...at, username: "node", password: { file: join(node.root, "password") } },
        },
      ] as never;
    });
    await Deno.writeTextFile(join(node.root, "password"), `${secrets[3]}\n`);
    await using agent = await node.run().ready();
    await observer.until(
      "the start-up message",
      (_topic, payload) => payload.includes('"startup"') || undefined,
    );
    await observer.until(
      "the start-up message in telemetry",
      (topic, payload) => topic.endsWith("/telemetry") && payload.includes("startup") || undefined,
    );
    const shown = JSON.stringify([await node.status(), (await node.ivy("config", "show")).stdout]);
    assertEquals((await agent.stop()).code, 0);
    const told = JSON.stringify([observer.messages, node.messages()]);
    for (const secret of secrets) {
      assert(!(agent.log.text + node.logText() + told + shown).includes(secret), secret);
    }
    assert(told.includes("•••"));
  },
});

Deno.test({
  name:
    "a broker that gives messages to nobody: they stay in the outbox, status says why, and go when somebody listens",
  ignore,
  async fn() {
    await using broker = await startMosquitto();
    await using node = new TestNode({ program: await backendsIvy(), procedures: { metronome: {} } });
    node.configure((config) => {
      config.backends = [{
        provider: "tenta",
        sensor_identifier: "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d",
        mqtt_connection: { host: "127.0.0.1", port: broker.port },
      }] as never;
    });
    await using agent = await node.run().ready();
    await agent.log.until(/tenta {2}the server does not take messages for measurements\/\S+ now: nobody has/);
    const { backends } = await node.status();
    const { connected, connection, held_back, messages } = backends["tenta"]!;
    assertEquals([connected, messages!.acknowledged, messages!.parked], [true, 0, 0]);
    assert(messages!.waiting > 0);
    assert(held_back!.includes("(nobody has subscribed to it)"), held_back!);
    assert(connection.endsWith(held_back!), connection);
    await using server = await observe(broker.port, "measurements/#");
    await server.until("measurements", (topic) => topic.startsWith("measurements/") || undefined);
    assertEquals((await agent.stop()).code, 0);
  },
});
