// Runs in: tests.
import { MqttClient } from "../../src/backends/mqtt_client.ts";
import net from "node:net";
import type { Arrival, SideFailure, SuiteServer } from "./backend_suite.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";
import { observe } from "./mqtt_observer.ts";
import { createMqttTap, type MqttTap } from "./mqtt_tap.ts";
import { startTcpProxy, type TcpProxy } from "./tcp_proxy.ts";

/** Payload format invalid: the reason code of MQTT 5 for a message that will never do. */
const FORMAT_INVALID = 153;
const NOT_AUTHORIZED = 135;

export interface MqttSuiteServerOptions {
  limits?: { window?: number; maxBytes?: number };
  /** Settings besides the connection. */
  settings?: Record<string, unknown>;
  /** The messages in a payload: which they are, and what the server sees of each. Others are left out. */
  read: (topic: string, payload: string) => { id: number; element: unknown }[];
  /** Where a configuration is published, retained, and what. */
  configure: (revision: number, config: Record<string, unknown>) => { topic: string; payload: string };
  lines?: string[];
  /** Topics that the server subscribes to, where no client of the test does. */
  listensTo?: string;
}

export interface MqttSuiteServer extends SuiteServer {
  broker: Mosquitto;
  proxy: TcpProxy;
  tap: MqttTap;
}

/** Mosquitto behind a proxy that reads along, keeps answers back, and refuses what it is told to. */
export async function startMqttSuiteServer(options: MqttSuiteServerOptions): Promise<MqttSuiteServer> {
  const { limits: { window = 20, maxBytes } = {}, read } = options;
  const broker = await startMosquitto({
    lines: [
      `max_inflight_messages ${window}`,
      ...(maxBytes === undefined ? [] : [`max_packet_size ${maxBytes}`]),
      ...options.lines ?? [],
    ],
  });
  const listener = options.listensTo === undefined
    ? undefined
    : await observe(broker.port, options.listensTo);
  let isHolding = false;
  let isPoison = (_id: number) => false;
  let failure: SideFailure | null = null;
  const isBeside = ({ topic, payload }: { topic: string; payload: string }) =>
    read(topic, payload).length === 0;
  const tap = createMqttTap({
    answer(publish) {
      if (failure === "refuse" && isBeside(publish)) return NOT_AUTHORIZED;
      return read(publish.topic, publish.payload).some(({ id }) => isPoison(id)) ? FORMAT_INVALID : undefined;
    },
    isHolding: (publish) => isHolding || (failure === "be silent" && isBeside(publish)),
    subscription: () =>
      failure === "refuse" ? NOT_AUTHORIZED : failure === "be silent" ? "nothing" : undefined,
    isCutting: (packet) =>
      failure === "hang up" &&
      (packet.cmd === "subscribe" ||
        packet.cmd === "publish" && isBeside({ topic: packet.topic, payload: packet.payload.toString() })),
  });
  const proxy = startTcpProxy({ target: broker, up: tap.up, down: tap.down });
  return {
    broker,
    proxy,
    tap,
    settings: { mqtt_connection: { host: "127.0.0.1", port: proxy.port }, ...options.settings },
    arrivals: () =>
      tap.publishes.flatMap(({ topic, payload, answer }, parcel): Arrival[] =>
        read(topic, payload).map((found) => ({
          ...found,
          parcel,
          isAccepted: answer !== undefined && answer < 128,
        }))
      ),
    down() {
      proxy.refuse(true);
      proxy.cutAll();
      return Promise.resolve();
    },
    up() {
      proxy.refuse(false);
      return Promise.resolve();
    },
    holdAnswers: (holding) => void (isHolding = holding),
    refuse: (poison) => void (isPoison = poison),
    failBeside: (how) => void (failure = how),
    mostInFlight: () => tap.mostInFlight,
    async configure(revision, config) {
      const { topic, payload } = options.configure(revision, config);
      await publishOnce(broker.port, topic, payload, { retain: true });
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await listener?.[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Publishes one message as another client would. */
export async function publishOnce(
  port: number,
  topic: string,
  payload: string | Uint8Array,
  { retain = false } = {},
): Promise<void> {
  const client = new MqttClient(() => net.connect(port, "127.0.0.1"), {
    reconnectPeriod: 0,
    timerVariant: "native",
    clientId: `publisher-${crypto.randomUUID()}`,
  });
  await client.publishAsync(topic, payload as string, { qos: 1, retain });
  await client.endAsync();
}
