// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { ThingsboardDevice } from "../../src/backends/thingsboard_device.ts";
import thingsboard from "../../src/backends/thingsboard.ts";
import { exampleMessage, testBackend } from "../support/backend_suite.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { fakeTimers } from "../support/fake_timers.ts";
import { needs } from "../support/needs.ts";
import { runBackend } from "../support/run_backend.ts";
import { startThingsboard, type ThingsboardOptions } from "../support/thingsboard_server.ts";
import { until } from "../support/until.ts";

const backend = thingsboard;
const ignore = needs("mosquitto") !== undefined;
const GENEROUS = { maxPayloadSize: 65_536, maxInflightMessages: 100, rateLimits: {} };

testBackend("ThingsBoard", {
  backend,
  ignore,
  startServer: (limits = {}) => startThingsboard({ limits, sessionLimits: GENEROUS }),
  expected(id, timestamp) {
    const ts = timestamp * 1000 + (id - 1) % 20; // values of one key must not share a millisecond
    const log = { level: "WARNING", subject: `log ${id}`, body: "" };
    const configuration = { status: "accepted", config: { general: { config_revision: id } } };
    return {
      data: { ts, values: { n: id, reading: id / 8, valve_open: true } },
      log: { ts, values: { logging: log } },
      config: { ts, values: { configuration } },
    };
  },
  unsendable: {
    body: { variant: "data", data: { ["k".repeat(256)]: 1 } },
    reason: "ThingsBoard does not allow keys of more than 255 characters",
  },
});

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name: `ThingsBoard: ${name}`, ignore, fn: run });
}

async function start(options: ThingsboardOptions, settings: Record<string, unknown> = {}) {
  const server = await startThingsboard(options);
  const store = createFakeStore();
  const running = runBackend(backend, {
    store,
    settings: { ...server.settings, ...settings },
    call: (method, params) => Promise.resolve({ method, params }),
  });
  return {
    server,
    store,
    running,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("after each connect it tells its attributes and asks for limits and configuration, answers subscribed first", async () => {
  await using bench = await start({ sessionLimits: GENEROUS });
  const { server, running } = bench;
  for (let round = 1; round <= 2; round++) {
    await running.connected();
    await until("the attributes are there", () => server.said("attributes").length === round);
    assertEquals(server.said("attributes").at(-1), {
      software_version: "1.2.3",
      config_revision: 7,
      system_identifier: "test-system-1",
      target: "x86_64-unknown-linux-gnu",
      boot_time: 1_763_800_000_000,
    });
    server.proxy.cutAll();
    await until("it is noticed", () => !running.isConnected);
  }
  await running.connected();
  const { publishes, others } = server.tap;
  for (const connection of new Set(publishes.map((publish) => publish.connection))) {
    const subscribed = others.find((other) =>
      other.connection === connection && other.packet.cmd === "subscribe"
    );
    const topics = (subscribed!.packet as { subscriptions: { topic: string }[] }).subscriptions;
    assert(topics.some(({ topic }) => topic === "v1/devices/me/attributes/response/+"));
    const first = publishes.find((publish) => publish.connection === connection)!;
    assert(subscribed!.atMs < first.sentMs, "the answer is subscribed to before anything is asked");
  }
});

test("fault 16 of the ancestor: the attribute request has an id that fits 32 bits", async () => {
  await using bench = await start({ sessionLimits: GENEROUS });
  await bench.running.connected();
  const ids = () =>
    bench.server.tap.publishes.flatMap(({ topic }) => /request\/(\d+)$/.exec(topic)?.[1] ?? []);
  await until("limits and attributes are asked for", () => ids().length === 2);
  for (const id of ids()) assert(Number(id) >= 1 && Number(id) <= 2_147_483_647);
});

test("a configuration as JSON text is understood like an object", async () => {
  await using bench = await start({ sessionLimits: GENEROUS });
  await bench.running.connected();
  const config = { general: { config_revision: 9 } };
  await bench.server.send("attributes", JSON.stringify({ configuration: JSON.stringify(config) }));
  await until("it is there", () => bench.running.configurations.length > 0);
  assertEquals(bench.running.configurations, [{ revision: 9, config }]);
});

test("a server with tight rates is never overrun; the drain just takes longer", async () => {
  const rates = { messages: "12:1", telemetryMessages: "10:1", telemetryDataPoints: "60:1" };
  await using bench = await start({ sessionLimits: { ...GENEROUS, rateLimits: rates } });
  const ids = bench.store.add(Array.from({ length: 60 }, (_, index) => exampleMessage("data", index + 1)));
  await until("all are there", () => ids.every((id) => bench.store.acknowledged.includes(id)), 60_000);
  const sent = bench.server.tap.publishes;
  const within = (count: (publish: (typeof sent)[number]) => number) =>
    Math.max(
      ...sent.map((first) =>
        sent.filter(({ sentMs }) => sentMs >= first.sentMs && sentMs < first.sentMs + 1000)
          .reduce((sum, publish) => sum + count(publish), 0)
      ),
    );
  const telemetry = ({ topic }: { topic: string }) => topic.endsWith("/telemetry") ? 1 : 0;
  const points = ({ topic, payload }: { topic: string; payload: string }) =>
    telemetry({ topic }) === 0 ? 0 : [JSON.parse(payload)].flat().length * 3;
  assert(within(() => 1) <= 12, `${within(() => 1)} messages in a second`);
  assert(within(telemetry) <= 10, `${within(telemetry)} telemetry messages in a second`);
  assert(within(points) <= 60, `${within(points)} data points in a second`);
  assertEquals(bench.server.proxy.connects, 1);
});

test("a payload limit of the server holds, and the number in flight", async () => {
  await using bench = await start({
    sessionLimits: { ...GENEROUS, maxPayloadSize: 1000, maxInflightMessages: 2 },
  });
  const ids = bench.store.add(Array.from({ length: 200 }, (_, index) => exampleMessage("data", index + 1)));
  await until("all are there", () => ids.every((id) => bench.store.acknowledged.includes(id)));
  const sizes = bench.server.tap.publishes.map(({ payload }) => payload.length);
  assert(Math.max(...sizes) <= 1000, `${Math.max(...sizes)} bytes`);
  assert(bench.server.tap.mostInFlight <= 2);
});

const NONSENSE: [name: string, options: ThingsboardOptions][] = [
  ["null", { sessionLimits: null }],
  ["text", { sessionLimits: "unlimited" }],
  ["numbers below zero and words for rates", {
    sessionLimits: { maxPayloadSize: -1, maxInflightMessages: 0, rateLimits: { messages: "many:often" } },
  }],
  ["endless rates", {
    sessionLimits: { rateLimits: { messages: "1:1,".repeat(1000), telemetryMessages: "0:0" } },
  }],
  ["rates of the wrong kind", { sessionLimits: { rateLimits: [1, 2], maxPayloadSize: "65536" } }],
  ["no answer at all", {}],
];

for (const [name, options] of NONSENSE) {
  test(`limits that are nonsense do not hold it up: ${name}`, async () => {
    await using bench = await start(options);
    const ids = bench.store.add(Array.from({ length: 20 }, (_, index) => exampleMessage("data", index + 1)));
    await until("all are there", () => ids.every((id) => bench.store.acknowledged.includes(id)));
    assertEquals(bench.server.proxy.connects, 1);
  });
}

test("a call that rpc.allow names is answered, any other is refused", async () => {
  await using bench = await start({ sessionLimits: GENEROUS }, { rpc: { allow: ["ping", "set_valve"] } });
  await bench.running.connected();
  assertEquals(await bench.server.call("set_valve", { open: true }), {
    method: "set_valve",
    params: { open: true },
  });
  const refused = { error: "this method is not allowed on this node" };
  for (const method of ["reboot", "restart", "sh", "constructor", "__proto__", ""]) {
    assertEquals(await bench.server.call(method, "rm -rf /"), refused);
  }
  assertEquals(bench.running.calls.map(({ method }) => method), ["set_valve"]);
});

test("without rpc.allow nothing can be called", async () => {
  await using bench = await start({ sessionLimits: GENEROUS });
  await bench.running.connected();
  assertEquals(await bench.server.call("ping"), { error: "this method is not allowed on this node" });
  assertEquals(bench.running.calls, []);
});

Deno.test("ThingsBoard: a server that floods with calls and takes no answer has a hundred at most on their way", async () => {
  using _timers = fakeTimers();
  let said = 0;
  const never = Promise.withResolvers<void>();
  const session = { say: () => (said++, never.promise), whileOpen: (work: unknown) => work };
  const context = { logger: createLogger("main", () => {}), config: { rpc: { allow: [] } } };
  const device = new ThingsboardDevice(context as never);
  for (let call = 0; call < 3000; call++) {
    device.heard(
      `v1/devices/me/rpc/request/${call}`,
      new TextEncoder().encode('{"method":"x"}'),
      session as never,
    );
    await Promise.resolve();
  }
  assertEquals(said, 100);
  never.resolve();
});

test("without credentials it asks for its own, has them kept, and uses them", async () => {
  const provisioning = { device_key: "key-1", device_secret: "secret-1" };
  const requests: unknown[] = [];
  await using bench = await start({
    sessionLimits: GENEROUS,
    provision(request) {
      requests.push(request);
      return { status: "SUCCESS", credentialsType: "ACCESS_TOKEN", credentialsValue: "token-1" };
    },
  }, { provisioning });
  await bench.running.connected();
  assertEquals(requests, [
    { deviceName: "test-system-1", provisionDeviceKey: "key-1", provisionDeviceSecret: "secret-1" },
  ]);
  assertEquals(bench.running.kept, [{ username: "token-1" }]);
  bench.server.proxy.cutAll();
  await until("it is noticed", () => !bench.running.isConnected);
  await bench.running.connected();
  const users = bench.server.tap.others.filter(({ packet }) => packet.cmd === "connect")
    .map(({ packet }) => (packet as { username?: string }).username);
  assertEquals(users, ["provision", "token-1", "token-1"]);
  assertEquals(requests.length, 1);
});

test("a session for credentials that acknowledges nothing, as up to 3.8.1, gives them all the same", async () => {
  await using server = await startThingsboard({
    sessionLimits: GENEROUS,
    provision: () => ({ status: "SUCCESS", credentialsType: "ACCESS_TOKEN", credentialsValue: "token-1" }),
  });
  server.failBeside("be silent");
  const provisioning = { device_key: "key-1", device_secret: "secret-1" };
  const store = createFakeStore();
  await using running = runBackend(backend, { store, settings: { ...server.settings, provisioning } });
  await until("it has credentials", () => running.kept.length > 0);
  assertEquals(running.kept, [{ username: "token-1" }]);
});

test("a refused request for credentials is a clear line, not a storm", async () => {
  await using bench = await start({
    provision: () => ({ status: "FAILURE", errorMsg: "unknown profile" }),
  }, { provisioning: { device_key: "key-1", device_secret: "secret-1" } });
  await until("it has tried", () => bench.server.proxy.connects >= 3);
  const lines = bench.running.log.filter(({ level }) => level === "WARNING").map(({ subject }) => subject);
  assertEquals(lines.length, 1);
  assert(lines[0]!.startsWith("not connected: the server refuses credentials: unknown profile"), lines[0]);
});

test("an offer that no program could have made costs neither the thread nor the messages", async () => {
  await using bench = await start({ sessionLimits: GENEROUS });
  await bench.running.connected();
  const cruel = { toString: 1, valueOf: 1 };
  const offer = {
    fw_title: "t",
    fw_version: "1.2.3",
    fw_size: cruel,
    fw_checksum: "0",
    fw_checksum_algorithm: cruel,
  };
  await bench.server.send("attributes", JSON.stringify(offer));
  await until("it is refused", () => bench.running.offers.some((offered) => offered && "fault" in offered));
  const ids = bench.store.add([exampleMessage("data", 1)]);
  await until("messages go", () => ids.every((id) => bench.store.acknowledged.includes(id)));
  assertEquals(bench.server.proxy.connects, 1);
});
