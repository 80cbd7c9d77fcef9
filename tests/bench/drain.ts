// Runs in: benchmarks.
import { join } from "@std/path";
import process from "node:process";
import { MessageSender } from "../../src/shared/message_sender.ts";
import type { BackendToMain, MainToBackend } from "../../src/shared/protocol.ts";
import { pause } from "../../src/shared/time.ts";
import { observe } from "../support/mqtt_observer.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { createMqttTap } from "../support/mqtt_tap.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { FACTS } from "../support/run_backend.ts";
import { until } from "../support/until.ts";
import type { BareRequest } from "./bare_publisher.ts";
import { type BenchRow, median, percentile } from "./row.ts";
import { BenchStore } from "./store.ts";

const DATA = { temperature_c: 21.375, humidity_percent: 48.25, co2_ppm: 412.0625 };
const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";
/** As in the ancestor's measurement of the limit. */
const WINDOW = 1000;
const BACKLOG = 100_000;
/** At its default settings the ancestor sends 50 messages every 5 s. */
const ANCESTOR_RATE = 10;

/** A real backend worker with a real store, without an agent around them. */
class BenchBackend {
  #worker: Worker;
  connected = Promise.withResolvers<void>();

  constructor(provider: string, settings: Record<string, unknown>, store: BenchStore) {
    this.#worker = new Worker(new URL(`../../src/backends/${provider}.ts`, import.meta.url), {
      type: "module",
      deno: {
        permissions: {
          net: ["127.0.0.1"],
          env: false,
          read: false,
          write: false,
          run: false,
          sys: false,
          ffi: false,
        },
      },
    } as WorkerOptions);
    const send = (message: MainToBackend, transfer: Transferable[] = []) =>
      this.#worker.postMessage(message, transfer);
    this.#worker.onmessage = ({ data }: MessageEvent<BackendToMain>) => {
      if (data.type === "failed") throw new Error(data.error.message);
      if (data.type === "announce") send({ type: "check", settings, beatIntervalMs: 1000 });
      if (data.type === "checked") {
        if (data.faults.length > 0) throw new Error(JSON.stringify(data.faults));
        const storePort = store.backendPort("bench");
        send({ type: "run", name: "bench", facts: { ...FACTS, configuredMs: 0 }, addresses: {}, storePort }, [
          storePort,
        ]);
      }
      if (data.type === "connection" && data.isConnected) this.connected.resolve();
    };
  }

  end(): void {
    this.#worker.terminate();
  }
}

export async function benchDrain(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-bench-drain-" });
  await using broker = await startMosquitto({ lines: [`max_inflight_messages ${WINDOW}`], isQuiet: true });
  await using _listener = await observe(broker.port, "measurements/#"); // Tenta's messages wait for somebody who listens
  try {
    return [
      ...await drain(broker, folder, "mqtt", {}),
      ...await drain(broker, folder, "tenta", { sensor_identifier: SENSOR }, await storeAlone(folder)),
      ...await latency(broker, folder),
      ...await idle(broker, folder),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Empties a backlog, beside mqtt.js alone with the same payloads. */
async function drain(
  broker: Mosquitto,
  folder: string,
  provider: string,
  own: object,
  storeRate = Infinity,
): Promise<BenchRow[]> {
  const directory = join(folder, provider);
  const settings = {
    mqtt_connection: { host: "127.0.0.1", port: broker.port, max_in_flight: WINDOW },
    ...own,
  };
  const store = await new BenchStore().open(directory, ["bench"]);
  await fill(store);
  const { payloads, topic, userProperties } = payloadsOf(provider);
  const bareMs = await bare({ port: broker.port, topic, payloads, window: WINDOW, userProperties });
  const startMs = performance.now();
  const backend = new BenchBackend(provider, settings, store);
  await backend.connected.promise;
  const connectedMs = performance.now();
  await until("the backlog is gone", async () => (await store.statistics()).waiting === 0, 120_000);
  const tookMs = performance.now() - connectedMs;
  const bareAgainMs = await bare({ port: broker.port, topic, payloads, window: WINDOW, userProperties });
  backend.end();
  await store.close();
  const value = BACKLOG / tookMs * 1000;
  const bareRate = BACKLOG / Math.min(bareMs, bareAgainMs) * 1000;
  const limit = Math.min(bareRate, storeRate);
  return [
    {
      name: `${provider}: drain of ${BACKLOG} messages, ${payloads.length} publishes, store included`,
      value,
      unit: "messages/s",
      limit,
      limitName: limit === bareRate
        ? "mqtt.js alone, same batches, QoS 1, same window"
        : `the store alone, lease and acknowledge (mqtt.js alone: ${Math.round(bareRate)})`,
      ...(limit === bareRate ? { goal: "≥ 0.8 × limit", met: value >= 0.8 * limit } : {}),
    },
    {
      name: `${provider}: the same beside Python Ivy's 50 messages per 5 s`,
      value: value / ANCESTOR_RATE,
      unit: "times",
    },
    {
      name: `${provider}: from the worker's start to its connection`,
      value: connectedMs - startMs,
      unit: "ms",
    },
  ];
}

/** Messages/s that the store leases and lets go, when nothing is done with them. */
async function storeAlone(folder: string): Promise<number> {
  const store = await new BenchStore().open(join(folder, "alone"), ["bench"]);
  await fill(store);
  const worker = new Worker(import.meta.resolve("./bare_lessee.ts"), { type: "module" });
  const took = new Promise<number>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  const port = store.backendPort("bench");
  worker.postMessage({ port, count: BACKLOG }, [port]);
  const ms = await took;
  worker.terminate();
  await store.close();
  return BACKLOG / ms * 1000;
}

async function fill(store: BenchStore): Promise<void> {
  const sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  sender.attach(store.port("filler"));
  for (let sent = 0; sent < BACKLOG; sent += 1000) {
    for (let i = 0; i < 1000; i++) void sender.data(DATA);
    await sender.settled();
  }
}

/** What the backend would publish, made the short way. */
function payloadsOf(provider: string): Pick<BareRequest, "payloads" | "topic" | "userProperties"> {
  const timestamp = Date.now() / 1000;
  const ids = Array.from({ length: BACKLOG }, (_, index) => index + 1);
  if (provider === "mqtt") {
    const body = JSON.stringify({ variant: "data", data: DATA });
    return {
      topic: "ivy/test-system-1/data",
      payloads: ids.map((id) => `{"id":${id},"timestamp":${timestamp},"message_body":${body}}`),
      userProperties: { store_id: FACTS.storeId! },
    };
  }
  const element = JSON.stringify({ value: DATA, timestamp, revision: 7 });
  const perParcel = Math.min(1000, Math.floor(65_536 / (element.length + 1)));
  const payloads = Array.from(
    { length: Math.ceil(BACKLOG / perParcel) },
    () => `[${Array(perParcel).fill(element).join()}]`,
  );
  return { topic: `measurements/${SENSOR}`, payloads, userProperties: undefined };
}

async function bare(request: BareRequest): Promise<number> {
  const worker = new Worker(import.meta.resolve("./bare_publisher.ts"), { type: "module" });
  const took = new Promise<number>((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.postMessage(request);
  const ms = await took;
  worker.terminate();
  return ms;
}

/** From `messages.data()` to a subscriber, when nothing is queued; then a configuration's status past a backlog. */
async function latency(broker: Mosquitto, folder: string): Promise<BenchRow[]> {
  const store = await new BenchStore().open(join(folder, "latency"), ["bench"]);
  const settings = { mqtt_connection: { host: "127.0.0.1", port: broker.port, max_in_flight: WINDOW } };
  const backend = new BenchBackend("mqtt", settings, store);
  await backend.connected.promise;
  await using observer = await observe(broker.port, "ivy/test-system-1/#");
  const sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  sender.attach(store.port("p"));
  const samples: number[] = [];
  for (let i = 0; i < 200; i++) {
    const seen = observer.messages.length;
    const startMs = performance.now();
    void sender.data(DATA);
    await until("it arrives", () => observer.messages.length > seen);
    samples.push(observer.messages.at(-1)!.atMs - startMs);
  }
  backend.end();
  store.send({ type: "detach_backend", name: "bench" });
  await fill(store);
  const again = new BenchBackend("mqtt", settings, store);
  await again.connected.promise;
  const startMs = performance.now();
  await sender.send({ variant: "config", status: "accepted", config: { general: { config_revision: 5 } } });
  await until(
    "it overtakes",
    () => observer.messages.some(({ topic }) => topic.endsWith("config/status")),
    60_000,
  );
  const overtook = observer.messages.find(({ topic }) => topic.endsWith("config/status"))!.atMs - startMs;
  const { waiting } = await store.statistics();
  again.end();
  await store.close();
  const [p50, p99] = [median(samples), percentile(samples, 0.99)];
  return [
    {
      name: "from messages.data() to a subscriber, p50",
      value: p50,
      unit: "ms",
      goal: "≤ 20 ms",
      met: p50 <= 20,
    },
    { name: "the same, p99", value: p99, unit: "ms", goal: "≤ 100 ms", met: p99 <= 100 },
    {
      name: `a configuration's acknowledgement overtakes a backlog of ${BACKLOG} (${waiting} still waited)`,
      value: overtook,
      unit: "ms",
      goal: "≤ 1,000 ms",
      met: overtook <= 1000 && waiting > 0,
    },
  ];
}

/** What a connection costs over which nothing goes. */
async function idle(broker: Mosquitto, folder: string): Promise<BenchRow[]> {
  const KEEP_ALIVE_SECONDS = 5;
  const WATCHED_SECONDS = 20;
  const store = await new BenchStore().open(join(folder, "idle"), ["bench"]);
  const tap = createMqttTap();
  await using proxy = startTcpProxy({ target: broker, up: tap.up, down: tap.down });
  const cpuMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
  const watch = async () => {
    const startMs = cpuMs();
    await pause(WATCHED_SECONDS * 1000);
    return 100 * (cpuMs() - startMs) / (WATCHED_SECONDS * 1000);
  };
  const without = await watch();
  const backend = new BenchBackend("mqtt", {
    mqtt_connection: { host: "127.0.0.1", port: proxy.port, keep_alive_seconds: KEEP_ALIVE_SECONDS },
  }, store);
  await backend.connected.promise;
  const withBackend = await watch();
  backend.end();
  await store.close();
  const pings = tap.others.filter(({ packet }) => packet.cmd === "pingreq").length;
  const value = Math.max(0, withBackend - without);
  return [
    { name: "idle, connected: CPU of one core", value, unit: "%", goal: "≤ 1 %", met: value <= 1 },
    {
      name: `keep-alives in ${WATCHED_SECONDS} s at an interval of ${KEEP_ALIVE_SECONDS} s`,
      value: pings,
      unit: "",
      goal: `≤ ${WATCHED_SECONDS / KEEP_ALIVE_SECONDS}`,
      met: pings <= WATCHED_SECONDS / KEEP_ALIVE_SECONDS && pings > 0,
    },
  ];
}
