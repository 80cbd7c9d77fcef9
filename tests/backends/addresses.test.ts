// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import http from "../../src/backends/http.ts";
import mqtt from "../../src/backends/mqtt.ts";
import { exampleMessage } from "../support/backend_suite.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { freePort } from "../support/free_port.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needs } from "../support/needs.ts";
import { startRestServer } from "../support/rest_server.ts";
import { runBackend } from "../support/run_backend.ts";
import { silentAddress } from "../support/silent_address.ts";
import { createAuthority } from "../support/tls_files.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const NAME = "broker.example";
const [REFUSING, SILENT, MUTE, ALIVE] = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"] as const;
const addresses = { [NAME]: [REFUSING, SILENT, MUTE, ALIVE] };
/** From the first attempt to the connection, in milliseconds. */
const LIMIT_MS = 5000;

/** An address that refuses is free of charge; one is silent, one takes connections and says nothing. */
async function deadAddresses(port: number): Promise<Disposable> {
  const silent = await silentAddress(SILENT, port);
  const mute = Deno.listen({ hostname: MUTE, port });
  return {
    [Symbol.dispose]() {
      silent[Symbol.dispose]();
      mute.close();
    },
  };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `several addresses: ${name}`,
    ignore,
    fn,
    sanitizeOps: false, // the system goes on trying silent addresses for a while
    sanitizeResources: false,
  });
}

test("MQTT reaches the one that is alive within 5 s, and goes there at once the next time", async () => {
  await using broker = await startMosquitto();
  using _dead = await deadAddresses(broker.port);
  const store = createFakeStore();
  const startMs = performance.now();
  await using running = runBackend(mqtt, {
    store,
    addresses,
    settings: { mqtt_connection: { host: NAME, port: broker.port } },
  });
  await running.connected();
  assert(performance.now() - startMs < LIMIT_MS, `${performance.now() - startMs} ms`);
  assertStringIncludes(running.connections.at(-1)!.detail, `${NAME}:${broker.port} (MQTT 5)`);
  const ids = store.add([exampleMessage("data", 1)]);
  await until("messages go", () => ids.every((id) => store.acknowledged.includes(id)));
  await broker.kill();
  await until("it is noticed", () => !running.isConnected);
  await broker.start();
  await running.connected();
  assert(running.log.every(({ subject }) => !subject.includes("undefined")));
});

test("TLS: the certificate is for the name, wherever the server is", async () => {
  const authority = await createAuthority();
  const files = await authority.issue({ commonName: NAME, names: [NAME] });
  await using broker = await startMosquitto({
    lines: ["certfile {folder}/cert.pem", "keyfile {folder}/key.pem"],
    files: { "cert.pem": files.cert, "key.pem": files.key },
  });
  using _dead = await deadAddresses(broker.port);
  const connect = (tls: object) =>
    runBackend(mqtt, {
      store: createFakeStore(),
      addresses,
      settings: { mqtt_connection: { host: NAME, port: broker.port, tls } },
    });
  const startMs = performance.now();
  await using running = connect({ ca: authority.cert });
  await running.connected();
  assert(performance.now() - startMs < LIMIT_MS, `${performance.now() - startMs} ms`);
  await using wrong = connect({ ca: authority.cert, server_name: "other.example" });
  await until("it is refused", () => wrong.connections.length > 0);
  assertStringIncludes(wrong.connections[0]!.detail, "is for another host");
});

test("where none answers one line says why, with the name", async () => {
  const port = freePort();
  await using running = runBackend(mqtt, {
    store: createFakeStore(),
    addresses: { [NAME]: [REFUSING, ALIVE] },
    settings: { mqtt_connection: { host: NAME, port } },
  });
  await until("it has tried", () => running.connections.length >= 2);
  assertEquals(running.connections[0]!.detail, `nobody listens on ${NAME}:${port}`);
  assertEquals(running.log.filter(({ level }) => level === "WARNING").length, 1);
});

test("a wrong password is not tried at every address", async () => {
  await using broker = await startMosquitto({ lines: ["allow_anonymous false"] });
  await using running = runBackend(mqtt, {
    store: createFakeStore(),
    addresses: { [NAME]: [ALIVE, REFUSING] },
    settings: { mqtt_connection: { host: NAME, port: broker.port } },
  });
  await until("it has tried", () => running.connections.length > 0);
  assertStringIncludes(running.connections[0]!.detail, "the server refuses the connection: ");
});

test("HTTP reaches the one that is alive within 5 s", async () => {
  await using server = startRestServer({ maxBytes: 1_000_000 });
  using _dead = await deadAddresses(server.port);
  const store = createFakeStore();
  const startMs = performance.now();
  await using running = runBackend(http, {
    store,
    addresses,
    settings: {
      url: `http://${NAME}:${server.port}/messages`,
      configuration_url: `http://${NAME}:${server.port}/configuration`,
    },
  });
  await server.configure(4, { general: { config_revision: 4 } });
  await running.connected();
  assert(performance.now() - startMs < LIMIT_MS, `${performance.now() - startMs} ms`);
  const ids = store.add(Array.from({ length: 600 }, (_, index) => exampleMessage("data", index + 1)));
  await until("messages go", () => ids.every((id) => store.acknowledged.includes(id)));
  assertEquals(server.arrivals().map(({ id }) => id), ids);
  await until("the configuration comes", () => running.configurations.length > 0);
  const hosts = new Set(server.requests.map(({ headers }) => headers["host"]));
  assertEquals([...hosts], [`${NAME}:${server.port}`]);
});
