// Runs in: tests.
import type { SuiteServer } from "../support/backend_suite.ts";
import { startMqttSuiteServer } from "../support/mqtt_suite_server.ts";
import { startRestServer } from "../support/rest_server.ts";
import { startThingsboard } from "../support/thingsboard_server.ts";

export const PROVIDERS = ["mqtt", "http", "tenta", "thingsboard"] as const;
export type Provider = typeof PROVIDERS[number];

export const SYSTEM = "node-1";
const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";
const GENEROUS = { maxPayloadSize: 65_536, maxInflightMessages: 100, rateLimits: {} };

/** A real server, or one of ours, that writes down what it is sent. Of messages that are no measurements it takes no note. */
export interface Recorder {
  provider: Provider;
  server: SuiteServer;
  /** The witnesses' numbers that it has said it has, in the order in which they came; repeats are left in. */
  accepted(): number[];
}

export async function startRecorder(provider: Provider): Promise<Recorder> {
  const server = await start(provider);
  const numberOf = NUMBERS[provider];
  return {
    provider,
    server,
    accepted: () =>
      server.arrivals().flatMap(({ element, isAccepted }) => {
        const n = isAccepted ? numberOf(element) : undefined;
        return n === undefined ? [] : [n];
      }),
  };
}

type Line = { message_body: { variant: string; data?: { n?: number } } };

/** Where each kind of server finds a witness's number in an element; undefined in what is none of a witness. */
const NUMBERS: Record<Provider, (element: unknown) => number | undefined> = {
  mqtt: (element) => (element as Line).message_body.data?.n,
  http: (element) => (element as Line).message_body.data?.n,
  tenta: (element) => (element as { value?: { n?: number } }).value?.n,
  thingsboard: (element) => (element as { values?: { n?: number } }).values?.n,
};

async function start(provider: Provider): Promise<SuiteServer> {
  switch (provider) {
    case "http":
      return startRestServer({ maxBytes: 2_000_000 });
    case "thingsboard":
      return await startThingsboard({ limits: { window: 100 }, sessionLimits: GENEROUS });
    case "mqtt":
      return await startMqttSuiteServer({
        limits: { window: 100 },
        read: (topic, payload) =>
          topic === `ivy/${SYSTEM}/data` ? [{ id: 0, element: JSON.parse(payload) }] : [],
        configure: (_revision, config) => ({
          topic: `ivy/${SYSTEM}/config/set`,
          payload: JSON.stringify(config),
        }),
      });
    case "tenta":
      return await startMqttSuiteServer({
        limits: { window: 20 },
        read: (topic, payload) =>
          topic === `measurements/${SENSOR}`
            ? (JSON.parse(payload) as unknown[]).map((element) => ({ id: 0, element }))
            : [],
        settings: { sensor_identifier: SENSOR },
        listensTo: "#",
        configure: (revision, configuration) => ({
          topic: `configurations/${SENSOR}`,
          payload: JSON.stringify({ revision, configuration }),
        }),
      });
  }
}
