// Runs in: tests.
import net from "node:net";
import { MqttClient } from "../../src/backends/mqtt_client.ts";
import { type MqttSuiteServer, startMqttSuiteServer } from "./mqtt_suite_server.ts";
import { until } from "./until.ts";

const DEVICE = "v1/devices/me";

export interface ThingsboardServer extends MqttSuiteServer {
  /** Calls a method of the device. @returns its answer. */
  call(method: string, params?: unknown): Promise<unknown>;
  /** What the device has said on a topic below its own, in order. */
  said(topic: string): unknown[];
  /** Sends any payload on a topic below the device's. */
  send(topic: string, payload: string | Uint8Array): Promise<void>;
}

export interface ThingsboardOptions {
  limits?: { window?: number; maxBytes?: number };
  /** What the server answers to `getSessionLimits`; undefined = nothing at all. */
  sessionLimits?: unknown;
  /** Answers a request for credentials. */
  provision?: (request: unknown) => unknown;
  settings?: Record<string, unknown>;
}

/** A client beside the device that answers as ThingsBoard does, over a real Mosquitto. */
export async function startThingsboard(options: ThingsboardOptions = {}): Promise<ThingsboardServer> {
  const server = await startMqttSuiteServer({
    limits: options.limits ?? {},
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    read: readTelemetry,
    configure: () => ({ topic: "unused", payload: "" }),
  });
  const client = new MqttClient(() => net.connect(server.broker.port, "127.0.0.1"), {
    protocolVersion: 5,
    reconnectPeriod: 0,
    timerVariant: "native",
    clientId: "thingsboard",
  });
  let configuration: unknown;
  const said: { topic: string; value: unknown }[] = [];
  let lastCall = 0;
  const publish = (topic: string, value: unknown) =>
    client.publishAsync(topic, JSON.stringify(value), { qos: 1 });

  client.on("message", (topic, payload) => {
    const value = JSON.parse(new TextDecoder().decode(payload));
    said.push({ topic: topic.replace(`${DEVICE}/`, ""), value });
    const id = topic.split("/").at(-1);
    if (topic.startsWith(`${DEVICE}/rpc/request/`) && value.method === "getSessionLimits") {
      if ("sessionLimits" in options) void publish(`${DEVICE}/rpc/response/${id}`, options.sessionLimits);
    } else if (topic.startsWith(`${DEVICE}/attributes/request/`)) {
      const shared = configuration === undefined ? {} : { shared: { configuration } };
      void publish(`${DEVICE}/attributes/response/${id}`, shared);
    } else if (topic === "/provision/request") {
      void publish("/provision/response", options.provision?.(value));
    }
  });
  await client.subscribeAsync(
    [`${DEVICE}/rpc/+/+`, `${DEVICE}/attributes`, `${DEVICE}/attributes/request/+`, "/provision/request"],
    { qos: 1, nl: true },
  );

  return {
    ...server,
    said: (topic) => said.filter((one) => one.topic === topic).map(({ value }) => value),
    async configure(_revision, config) {
      configuration = config;
      await publish(`${DEVICE}/attributes`, { configuration });
    },
    async call(method, params) {
      const id = 1000 + ++lastCall;
      await publish(`${DEVICE}/rpc/request/${id}`, { method, params });
      const answers = () => said.filter(({ topic }) => topic === `rpc/response/${id}`);
      await until(`${method} is answered`, () => answers().length > 0);
      return answers()[0]!.value;
    },
    async send(topic, payload) {
      await client.publishAsync(`${DEVICE}/${topic}`, payload as string, { qos: 1 });
    },
    async [Symbol.asyncDispose]() {
      client.end(true);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The messages of the suite in a telemetry payload. */
function readTelemetry(topic: string, payload: string) {
  if (topic !== `${DEVICE}/telemetry`) return [];
  return (JSON.parse(payload) as { values: Values }[]).map((element) => ({
    id: idOf(element.values),
    element,
  }));
}

interface Values {
  n?: number;
  logging?: { subject: string };
  configuration?: { config: { general: { config_revision: number } } };
}

function idOf({ n, logging, configuration }: Values): number {
  if (n !== undefined) return n;
  if (logging !== undefined) return Number(/\d+/.exec(logging.subject));
  return configuration!.config.general.config_revision;
}
