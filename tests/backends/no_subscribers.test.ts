// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import mqtt from "../../src/backends/mqtt.ts";
import tenta from "../../src/backends/tenta.ts";
import thingsboard from "../../src/backends/thingsboard.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { exampleMessage } from "../support/backend_suite.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { type MqttObserver, observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { startOldBroker } from "../support/old_broker.ts";
import { runBackend } from "../support/run_backend.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";

interface Kind {
  backend: Backend;
  settings: Record<string, unknown>;
  /** Where data go. */
  topic: string;
  /** Another topic below which nothing of it goes. */
  other: string;
}
const KINDS: Record<string, Kind> = {
  Tenta: {
    backend: tenta,
    settings: { sensor_identifier: SENSOR },
    topic: `measurements/${SENSOR}`,
    other: "logs/#",
  },
  ThingsBoard: {
    backend: thingsboard,
    settings: {},
    topic: "v1/devices/me/telemetry",
    other: "v1/devices/me/rpc/#",
  },
  "plain MQTT that waits for subscribers": {
    backend: mqtt,
    settings: { hold_without_subscribers: true },
    topic: "ivy/test-system-1/data",
    other: "ivy/test-system-1/log",
  },
};

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `no subscribers: ${name}`, ignore, fn });
}

function run({ backend, settings }: Kind, broker: Pick<Mosquitto, "port">) {
  const store = createFakeStore();
  const connection = { mqtt_connection: { host: "127.0.0.1", port: broker.port } };
  return { store, running: runBackend(backend, { store, settings: { ...connection, ...settings } }) };
}

const data = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => exampleMessage("data", from + index));

/** The numbers of {@link data} that have come, in order. */
function numbersIn({ messages }: MqttObserver, topic: string): number[] {
  return messages.filter((message) => message.topic === topic).flatMap(({ payload }) =>
    [...payload.matchAll(/"n":(\d+)/g)].map((match) => Number(match[1]))
  );
}

for (const [name, kind] of Object.entries(KINDS)) {
  test(`${name} holds back what nobody hears, and sends all in order when somebody does`, async () => {
    await using broker = await startMosquitto();
    await using elsewhere = await observe(broker.port, kind.other);
    const { store, running } = run(kind, broker);
    await using _running = running;
    const ids = store.add(data(1, 300));
    await until("it is held back", () => running.connections.at(-1)?.held?.includes(kind.topic) ?? false);
    ids.push(...store.add(data(301, 300)));
    await until("it has tried again", () => store.leased.length === 600);
    assertEquals([store.acknowledged, store.parked], [[], []]);
    const warnings = () => running.log.filter(({ subject }) => /does not take messages/.test(subject));
    assertEquals(warnings().length, 1, "one warning");
    assertStringIncludes(warnings()[0]!.subject, `${kind.topic} now: nobody has subscribed to it`);
    await using server = await observe(broker.port, kind.topic);
    await until("all are acknowledged", () => ids.every((id) => store.acknowledged.includes(id)));
    assertEquals(store.acknowledged, ids);
    await until("all have arrived", () => numbersIn(server, kind.topic).length === 600);
    assertEquals(numbersIn(server, kind.topic), data(1, 600).map((_, index) => index + 1));
    assertEquals(running.connections.at(-1)!.held, null);
    assert(running.log.some(({ subject }) => subject.includes(`takes messages for ${kind.topic} again`)));
    assertEquals(elsewhere.messages.filter(({ topic }) => topic === kind.topic), []);
  });
}

test("what others hear goes past what nobody does, and nothing is given up, however much there is", async () => {
  await using broker = await startMosquitto();
  const kind = KINDS["plain MQTT that waits for subscribers"]!;
  await using logs = await observe(broker.port, kind.other);
  const { store, running } = run(kind, broker);
  await using _running = running;
  const waiting = store.add(data(1, 5000));
  await until("data are held back", () => running.connections.at(-1)?.held?.includes(kind.topic) ?? false);
  const heard = store.add(Array.from({ length: 50 }, (_, index) => exampleMessage("log", index + 1)));
  await until("logs go", () => heard.every((id) => store.acknowledged.includes(id)));
  assertEquals(store.parked, []);
  assert(store.leased.length < 5000, "the rest stays in the outbox");
  assertEquals(logs.messages.length, 50);
  await using server = await observe(broker.port, kind.topic);
  await until("data go", () => waiting.every((id) => store.acknowledged.includes(id)), 120_000);
  assertEquals(numbersIn(server, kind.topic), data(1, 5000).map((_, index) => index + 1));
});

test("plain MQTT does not wait by default: brokers with readers that come and go are its everyday", async () => {
  await using broker = await startMosquitto();
  const { store, running } = run(
    { ...KINDS["plain MQTT that waits for subscribers"]!, settings: {} },
    broker,
  );
  await using _running = running;
  const ids = store.add(data(1, 20));
  await until("all are acknowledged", () => ids.every((id) => store.acknowledged.includes(id)));
  assertEquals(running.connections.at(-1)!.held, null);
});

test("a broker of MQTT 3.1.1 cannot say so: messages go", async () => {
  await using broker = await startMosquitto();
  await using old = startOldBroker(broker, "says");
  const { store, running } = run(KINDS["Tenta"]!, old);
  await using _running = running;
  const ids = store.add(data(1, 20));
  await until("all are acknowledged", () => ids.every((id) => store.acknowledged.includes(id)));
});

test("at its end it does not wait for somebody to listen; all stays in the outbox", async () => {
  await using broker = await startMosquitto();
  const { store, running } = run(KINDS["Tenta"]!, broker);
  await using _running = running;
  const ids = store.add(data(1, 3000));
  await until("it is held back", () => running.connections.some(({ held }) => held !== null));
  await running.stop();
  await until("all leases are back", () => store.leased.length === 0);
  assertEquals(store.waiting, ids);
});
