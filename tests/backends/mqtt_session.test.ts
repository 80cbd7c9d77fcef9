// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import mqtt from "../../src/backends/mqtt.ts";
import tenta from "../../src/backends/tenta.ts";
import thingsboard from "../../src/backends/thingsboard.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { exampleMessage } from "../support/backend_suite.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { observe } from "../support/mqtt_observer.ts";
import { createMqttTap, type MqttTapOptions } from "../support/mqtt_tap.ts";
import { needs } from "../support/needs.ts";
import { startOldBroker } from "../support/old_broker.ts";
import { runBackend, type RunOptions } from "../support/run_backend.ts";
import { startTcpProxy, type TcpProxy, type TcpProxyOptions } from "../support/tcp_proxy.ts";
import { until } from "../support/until.ts";

const backend = mqtt;
const ignore = needs("mosquitto") !== undefined;
const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";
const at = (port: number, more: object = {}) => ({ mqtt_connection: { host: "127.0.0.1", port, ...more } });
const data = (count: number) =>
  Array.from({ length: count }, (_, index) => exampleMessage("data", index + 1));

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `MQTT session: ${name}`, ignore, fn });
}

/** A backend, its broker, and a proxy with a tap between them. */
class Bench implements AsyncDisposable {
  readonly store = createFakeStore();

  static async start(
    options: {
      lines?: string[];
      files?: Record<string, string>;
      tap?: MqttTapOptions;
      proxy?: Partial<TcpProxyOptions>;
    } = {},
    connection: object = {},
    run: Partial<RunOptions> = {},
  ): Promise<Bench> {
    const broker = await startMosquitto(options);
    const tap = createMqttTap(options.tap);
    const proxy = startTcpProxy({ target: broker, up: tap.up, down: tap.down, ...options.proxy });
    return new Bench(broker, proxy, tap, connection, run);
  }

  readonly running;
  constructor(
    readonly broker: Mosquitto,
    readonly proxy: TcpProxy,
    readonly tap: ReturnType<typeof createMqttTap>,
    connection: object,
    run: Partial<RunOptions>,
  ) {
    this.running = runBackend(backend, { store: this.store, settings: at(proxy.port, connection), ...run });
  }

  async acknowledged(ids: number[], limitMs = 60_000): Promise<void> {
    await until(
      "all are acknowledged",
      () => ids.every((id) => this.store.acknowledged.includes(id)),
      limitMs,
    );
  }

  lines(level = "WARNING"): string[] {
    return this.running.log.filter((entry) => entry.level === level).map(({ subject }) => subject);
  }

  async [Symbol.asyncDispose]() {
    await this.running[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
  }
}

test("MQTT 5 where the server speaks it", async () => {
  await using bench = await Bench.start();
  await bench.running.connected();
  assert(bench.running.connections[0]!.detail.endsWith("(MQTT 5)"));
});

for (const manner of ["says", "hangs_up"] as const) {
  test(`3.1.1 where the server ${manner === "says" ? "says that it does not speak 5" : "hangs up on 5"}`, async () => {
    await using broker = await startMosquitto();
    await using old = startOldBroker(broker, manner);
    const store = createFakeStore();
    await using running = runBackend(backend, { store, settings: at(old.port) });
    await running.connected();
    const ids = store.add(data(100));
    await until("all are there", () => store.acknowledged.length === 100);
    assertEquals(store.acknowledged, ids);
    assert(running.connections.at(-1)!.detail.endsWith("(MQTT 3.1.1)"));
    assertEquals(old.asked, [5, 4]);
  });
}

test("every publish has QoS 1; the data carry the store's id", async () => {
  await using bench = await Bench.start();
  await bench.acknowledged(bench.store.add(data(10)));
  for (const { qos, topic, userProperties } of bench.tap.publishes) {
    assertEquals(qos, 1);
    if (topic.endsWith("/data")) assertEquals(userProperties, { store_id: "store-a" });
  }
});

test("online and offline, retained; the last will says offline when the node is lost", async () => {
  await using bench = await Bench.start();
  await using observer = await observe(bench.broker.port, "ivy/+/status");
  await observer.until("online", (_topic, payload) => payload === "online" || undefined);
  bench.proxy.cutAll();
  await observer.until("offline, by the will", (_topic, payload) => payload === "offline" || undefined);
  await until("online again", () => observer.messages.at(-1)!.payload === "online");
  await bench.running.stop();
  await using late = await observe(bench.broker.port, "ivy/+/status");
  await late.until("offline, retained", (_topic, payload) => payload === "offline" || undefined);
  assertEquals(late.messages[0]!.retain, true);
});

test("fault 6 of the ancestor: after a restart of the broker it can still be configured", async () => {
  await using bench = await Bench.start();
  for (let round = 1; round <= 4; round++) {
    await bench.running.connected();
    await using observer = await observe(bench.broker.port);
    await observer.publish(
      "ivy/test-system-1/config/set",
      JSON.stringify({ general: { config_revision: round } }),
    );
    await until("it is heard", () => bench.running.configurations.some(({ revision }) => revision === round));
    await bench.broker.kill();
    await until("it is noticed", () => !bench.running.isConnected);
    await bench.broker.start();
  }
});

test("fault 10 of the ancestor: at its end it drains the whole queue, not only what is in flight", async () => {
  await using bench = await Bench.start({}, { max_in_flight: 1 });
  await bench.running.connected();
  const ids = bench.store.add(data(500));
  await bench.running.stop();
  assertEquals(bench.store.acknowledged, ids);
});

test("a half-open link is noticed after 1.5 keep-alives, with and without something in flight", async () => {
  await using bench = await Bench.start({}, { keep_alive_seconds: 1 });
  for (const count of [0, 5]) {
    await bench.running.connected();
    bench.proxy.stall(true);
    const ids = bench.store.add(data(count));
    const startMs = performance.now();
    await until("it is noticed", () => !bench.running.isConnected);
    const tookMs = performance.now() - startMs;
    assert(tookMs > 400 && tookMs < 3000, `${tookMs} ms`);
    bench.proxy.stall(false);
    await bench.running.connected();
    await bench.acknowledged(ids);
  }
});

test("one keep-alive per interval when nothing else is sent", async () => {
  await using bench = await Bench.start({}, { keep_alive_seconds: 1 });
  await bench.running.connected();
  const pings = () =>
    bench.tap.others.filter(({ packet }) => packet.cmd === "pingreq").map(({ atMs }) => atMs);
  await until("four of them", () => pings().length === 4);
  const gaps = pings().slice(1).map((atMs, index) => atMs - pings()[index]!);
  assert(gaps.every((gap) => gap > 700 && gap < 1600), String(gaps));
  assertEquals(bench.proxy.connects, 1);
});

test("wrong password: one clear line, no storm", async () => {
  await using bench = await Bench.start({
    lines: ["allow_anonymous false", "password_file {folder}/passwords"],
    files: { passwords: "node:$7$101$aaaaaaaaaaaaaaaa$" + "A".repeat(86) + "==\n" },
  }, { username: "node", password: "wrong" });
  await until("it has tried several times", () => bench.running.connections.length >= 5);
  assertEquals(bench.lines().length, 1);
  assert(
    /the server refuses the connection: (not authorized|wrong user name or password)/.test(bench.lines()[0]!),
    bench.lines()[0],
  );
  assert(!JSON.stringify(bench.running.log).includes('wrong"'));
});

test("a subscription that is refused: one clear line, data go on", async () => {
  await using bench = await Bench.start({
    lines: ["acl_file {folder}/acl"],
    files: { acl: "topic write ivy/#\n" },
    tap: {},
  });
  await bench.acknowledged(bench.store.add(data(5)));
  bench.proxy.cutAll();
  await until("it is noticed", () => !bench.running.isConnected);
  await bench.acknowledged(bench.store.add(data(5)));
  const refusals = bench.lines().filter((line) => line.includes("refuses the subscription"));
  if (refusals.length > 0) assertEquals(refusals.length, 1); // Mosquitto grants it and then sends nothing
});

test("a broker that keeps no retained messages gets a will and a presence that are not", async () => {
  await using bench = await Bench.start({ lines: ["retain_available false"] });
  await bench.acknowledged(bench.store.add(data(5)));
  await using observer = await observe(bench.broker.port, "ivy/+/status");
  bench.proxy.cutAll();
  await observer.until("offline, by the will", (_topic, payload) => payload === "offline" || undefined);
});

test("a topic that may not be published to holds up no other, and goes on when it may", async () => {
  let isAllowed = false;
  await using bench = await Bench.start({
    tap: { answer: ({ topic }) => topic.endsWith("/log") && !isAllowed ? 135 : undefined },
  });
  const logs = bench.store.add([exampleMessage("log", 1), exampleMessage("log", 2)]);
  await bench.acknowledged(bench.store.add(data(200)));
  assertEquals(
    bench.lines().filter((line) => line.includes("does not take messages for ivy/test-system-1/log")).length,
    1,
  );
  assertEquals(bench.store.parked, []);
  isAllowed = true;
  await bench.acknowledged(logs);
});

test("a client id that another one takes too: no storm, and nothing is lost", async () => {
  await using broker = await startMosquitto();
  const timing = { firstMs: 10, limitMs: 3000, stableMs: 600, burst: 12, burstMs: 6000 }; // 10 minutes in 6 seconds
  const tap = createMqttTap();
  await using proxy = startTcpProxy({ target: broker, up: tap.up, down: tap.down });
  const stores = [createFakeStore(), createFakeStore()];
  const settings = at(proxy.port, { client_id: "the-same" });
  const [one, other] = stores.map((store) => runBackend(backend, { store, settings, timing }));
  await using _one = one!;
  await using _other = other!;
  const ids = stores.map((store) => store.add(data(300)));
  await until(
    "both have sent all",
    () => stores.every((store, index) => ids[index]!.every((id) => store.acknowledged.includes(id))),
  );
  const startMs = performance.now();
  await until("6 seconds", () => performance.now() - startMs > 6000);
  assert(proxy.connects <= 2 * 12 + 2, `${proxy.connects} connects of two nodes`);
  const lines = one!.log.filter(({ level }) => level === "WARNING").map(({ subject }) => subject);
  assert(
    lines.some((line) => line.includes("does another client use the client id the-same?")),
    lines.join("\n"),
  );
  assertEquals(
    new Set(lines.map((line) => line.replace(/;.*/, ""))).size,
    lines.length,
    "a line for each reason, not for each time",
  );
});

test("a message that makes the server hang up is parked alone; the others go", async () => {
  await using bench = await Bench.start({
    proxy: {
      up(bytes, connection) {
        if (new TextDecoder().decode(bytes).includes('"n":13,')) connection.cut();
        return bytes;
      },
    },
  });
  const ids = bench.store.add(data(30));
  await until("it is found", () => bench.store.parked.length > 0, 30_000);
  await bench.acknowledged(ids.filter((id) => id !== 13));
  assertEquals(bench.store.parked, [
    { id: 13, reason: "the server closes the connection when it gets it (5 times)" },
  ]);
  assert(bench.running.isConnected);
});

test("a server that hangs up on every message gets none parked", async () => {
  let isHangingUp = true;
  await using bench = await Bench.start({
    proxy: {
      up(bytes, connection) {
        if (isHangingUp && new TextDecoder().decode(bytes).includes("/data")) connection.cut();
        return bytes;
      },
    },
  });
  const ids = bench.store.add(data(30));
  await until("it has tried often", () => bench.proxy.connects > 15, 30_000);
  assertEquals([bench.store.parked, bench.store.acknowledged], [[], []]);
  assert(bench.lines().includes("the server closes the connection on whatever is sent to it"));
  isHangingUp = false;
  await bench.acknowledged(ids);
});

test("a line of 1 kB/s carries everything, and nothing twice without a break", async () => {
  await using bench = await Bench.start({}, { keep_alive_seconds: 5 });
  await bench.running.connected();
  bench.proxy.slow(4000);
  const ids = bench.store.add(data(60));
  await bench.acknowledged(ids, 30_000);
  const breaks = bench.proxy.connects - 1;
  assert(breaks <= 1, `${breaks} breaks`);
});

Deno.test({
  name: "several at once: an outage of one holds up no other",
  ignore,
  async fn() {
    await using broker = await startMosquitto();
    await using dead = startTcpProxy({ target: broker });
    dead.stall(true);
    const stores = [createFakeStore(), createFakeStore()];
    await using one = runBackend(backend, { store: stores[0]!, settings: at(dead.port), name: "one" });
    await using two = runBackend(backend, { store: stores[1]!, settings: at(broker.port), name: "two" });
    for (const store of stores) store.add(data(500));
    await until("the second has all", () => stores[1]!.acknowledged.length === 500);
    assertEquals([stores[0]!.acknowledged.length, one.isConnected, two.isConnected], [0, false, true]);
    dead.stall(false);
    await until("the first has all, too", () => stores[0]!.acknowledged.length === 500);
  },
});

const SUBSCRIBED: [name: string, backend: Backend, settings: object, topics: string[]][] = [
  ["plain MQTT", backend, {}, ["ivy/test-system-1/config/set"]],
  ["Tenta", tenta, { sensor_identifier: SENSOR }, [`configurations/${SENSOR}`]],
  ["ThingsBoard", thingsboard, { rpc: { allow: ["a"] } }, [
    "v1/devices/me/attributes",
    "v1/devices/me/attributes/response/1",
    "v1/devices/me/rpc/request/1",
    "v1/devices/me/rpc/response/1",
  ]],
];

for (const [name, fuzzed, settings, topics] of SUBSCRIBED) {
  Deno.test({
    name: `${name}: any bytes on any subscribed topic change nothing`,
    ignore,
    async fn() {
      await using broker = await startMosquitto();
      const store = createFakeStore();
      await using running = runBackend(fuzzed, { store, settings: { ...at(broker.port), ...settings } });
      await running.connected();
      await using observer = await observe(broker.port); // also the one who listens
      const payload = fc.oneof(
        fc.uint8Array({ maxLength: 500 }),
        fc.json().map((json) => new TextEncoder().encode(json)),
        fc.json().map((json) =>
          new TextEncoder().encode(`{"configuration":${json},"revision":-5,"method":${json}}`)
        ),
        fc.constantFrom("", "{", "[".repeat(50_000), '{"a":1,"a":2}', "\u0000").map((text) =>
          new TextEncoder().encode(text)
        ),
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...topics), payload, fc.boolean(), async (topic, bytes, retain) => {
          await observer.publish(topic, bytes, { retain });
        }),
        { numRuns: 300 },
      );
      const ids = store.add(data(20));
      await until("it works on", () => ids.every((id) => store.acknowledged.includes(id)));
      assertEquals(running.connections.length, 1);
      assertEquals([store.parked, running.kept], [[], []]);
      for (const { revision } of running.configurations) assert(Number.isInteger(revision) && revision >= 0);
    },
  });
}
