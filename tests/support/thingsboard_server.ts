// Runs in: tests.
import net from "node:net";
import { MqttClient } from "../../src/backends/mqtt_client.ts";
import { type MqttSuiteServer, startMqttSuiteServer } from "./mqtt_suite_server.ts";
import { until } from "./until.ts";

const DEVICE = "v1/devices/me";
/** As ThingsBoard's default for payloads. */
const MAX_CHUNK_BYTES = 65_536;

export interface ThingsboardServer extends MqttSuiteServer {
  /** Calls a method of the device. @returns its answer. */
  call(method: string, params?: unknown): Promise<unknown>;
  /** What the device has said on a topic below its own, in order. */
  said(topic: string): unknown[];
  /** Sends any payload on a topic below the device's. */
  send(topic: string, payload: string | Uint8Array): Promise<void>;
  /** Assigns a package to the device; null = takes it away. `change` is for servers that are wrong. */
  assign(firmware: Firmware | null, change?: Record<string, unknown>): Promise<void>;
  /** Chunks that were asked for, as `request/chunk/size`. */
  readonly chunks: string[];
  /** What a request for a chunk is answered with; undefined = the chunk, null = nothing. */
  answerChunk: (count: number) => { error: string } | null | undefined;
  /** The states of the package that the device has told, in order. */
  states(): Record<string, string>[];
}

export interface Firmware {
  title: string;
  version: string;
  bytes: Uint8Array<ArrayBuffer>;
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
    lines: ["set_tcp_nodelay true"],
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    read: readTelemetry,
    configure: () => ({ topic: "unused", payload: "" }),
  });
  const client = new MqttClient(() => net.connect(server.broker.port, "127.0.0.1").setNoDelay(true), {
    protocolVersion: 5,
    reconnectPeriod: 0,
    timerVariant: "native",
    clientId: "thingsboard",
  });
  let configuration: unknown;
  let firmware: Firmware | null = null;
  let shared: Record<string, unknown> = {};
  const chunks: string[] = [];
  const said: { topic: string; value: unknown }[] = [];
  let lastCall = 0;
  const publish = (topic: string, value: unknown) =>
    client.publishAsync(topic, JSON.stringify(value), { qos: 1 });

  const sendChunk = (topic: string, payload: Uint8Array) => {
    const [, requestId, chunk] = /^v2\/fw\/request\/(\d+)\/chunk\/(\d+)$/.exec(topic)!;
    const size = Number(new TextDecoder().decode(payload));
    chunks.push(`${requestId}/${chunk}/${size}`);
    const answer = own.answerChunk(chunks.length);
    if (answer === null) return;
    if (answer !== undefined) return void client.publishAsync("v2/fw/error", answer.error, { qos: 1 });
    if (size > MAX_CHUNK_BYTES) {
      return void client.publishAsync("v2/fw/error", "PAYLOAD_TOO_LARGE", { qos: 1 });
    }
    const bytes = firmware!.bytes.subarray(Number(chunk) * size, (Number(chunk) + 1) * size);
    void client.publishAsync(`v2/fw/response/${requestId}/chunk/${chunk}`, bytes as never, { qos: 1 });
  };
  client.on("message", (topic, payload) => {
    if (topic.startsWith("v2/fw/")) return sendChunk(topic, payload);
    const value = JSON.parse(new TextDecoder().decode(payload));
    said.push({ topic: topic.replace(`${DEVICE}/`, ""), value });
    const id = topic.split("/").at(-1);
    if (topic.startsWith(`${DEVICE}/rpc/request/`) && value.method === "getSessionLimits") {
      if ("sessionLimits" in options) void publish(`${DEVICE}/rpc/response/${id}`, options.sessionLimits);
    } else if (topic.startsWith(`${DEVICE}/attributes/request/`)) {
      const known: Record<string, unknown> = {
        ...shared,
        ...(configuration === undefined ? {} : { configuration }),
      };
      const asked = Object.entries(known).filter(([key]) =>
        String(value.sharedKeys).split(",").includes(key)
      );
      const found = asked.length === 0 ? {} : { shared: Object.fromEntries(asked) };
      void publish(`${DEVICE}/attributes/response/${id}`, found);
    } else if (topic === "/provision/request") {
      void publish("/provision/response", options.provision?.(value));
    }
  });
  await client.subscribeAsync(
    [
      `${DEVICE}/rpc/+/+`,
      `${DEVICE}/attributes`,
      `${DEVICE}/attributes/request/+`,
      `${DEVICE}/telemetry`,
      "/provision/request",
      "v2/fw/request/+/chunk/+",
    ],
    { qos: 1, nl: true },
  );

  const own: ThingsboardServer = {
    ...server,
    chunks,
    answerChunk: () => undefined,
    states: () =>
      said.filter(({ topic, value }) => topic === "telemetry" && !Array.isArray(value))
        .map(({ value }) => value as Record<string, string>).filter((value) => "fw_state" in value),
    async assign(next, change = {}) {
      firmware = next;
      if (next === null) {
        const deleted = Object.keys(shared);
        shared = {};
        return void await publish(`${DEVICE}/attributes`, { deleted });
      }
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", next.bytes)).toHex();
      shared = {
        fw_title: next.title,
        fw_version: next.version,
        fw_tag: `${next.title} ${next.version}`,
        fw_size: next.bytes.length,
        fw_checksum_algorithm: "SHA256",
        fw_checksum: digest,
        ...change,
      };
      await publish(`${DEVICE}/attributes`, shared);
    },
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
  return own;
}

/** The messages of the suite in a telemetry payload. */
function readTelemetry(topic: string, payload: string) {
  if (topic !== `${DEVICE}/telemetry`) return [];
  const elements = JSON.parse(payload) as { values: Values }[];
  if (!Array.isArray(elements)) return []; // states of packages
  return elements.map((element) => ({
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
  return configuration?.config.general.config_revision ?? NaN;
}
