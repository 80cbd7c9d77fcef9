// Runs in: backend worker.
import * as z from "zod";
import { commonSettings, type Element, type ParcelLimits, type Unsendable } from "../runtime/backend.ts";
import { firstCharacters } from "../shared/text.ts";
import { type Data, decodeBody, type Level } from "../shared/message.ts";
import type { BackendFacts, LeasedMessage } from "../shared/protocol.ts";
import { decodeJson, garbage, type Heard, isRevision } from "./heard.ts";
import { defineMqttBackend } from "./mqtt_backend.ts";
import { mqttConnection } from "./mqtt_settings.ts";

const KEY = /^[a-z0-9](_?[a-z0-9])*$/;
const MAX_KEY_LENGTH = 64;
/** In characters; the server cuts longer ones itself. */
const MAX_LOG_LENGTH = 16_384;
/** Holds a log of the greatest length, though every character of it is escaped (`\u0001`). */
export const PARCEL: ParcelLimits = {
  isArray: true,
  maxElements: 1000,
  maxBytes: 131_072,
  maxPoints: Infinity,
};

const config = z.strictObject({
  ...commonSettings,
  mqtt_connection: mqttConnection(z.string().min(1).describe("as the server knows this node")),
  sensor_identifier: z.uuidv4().describe("the sensor's identifier in Tenta, a version 4 UUID"),
});

const SEVERITIES: Record<Level, "info" | "warning" | "error"> = {
  DEBUG: "info",
  INFO: "info",
  WARNING: "warning",
  ERROR: "error",
  EXCEPTION: "error",
};

type Facts = Pick<BackendFacts, "configRevision" | "configuredMs">;

/** One message as Tenta takes it: one bad element would make it drop a whole batch, so each is checked here. */
export function encode(message: LeasedMessage, sensor: string, facts: Facts): Element | Unsendable {
  const { id, timestamp } = message;
  const body = decodeBody(message.body);
  // what was measured under an earlier configuration does not get the revision of this one
  const hasRevision = facts.configRevision >= 0 && timestamp * 1000 >= facts.configuredMs;
  const stamp = { timestamp, ...(hasRevision ? { revision: facts.configRevision } : {}) };
  const element = (kind: string, value: unknown) => ({
    id,
    channel: `${kind}/${sensor}`,
    text: JSON.stringify(value),
  });
  const log = (text: string, level: Level) =>
    element("logs", {
      message: firstCharacters(text, MAX_LOG_LENGTH),
      severity: SEVERITIES[level],
      ...stamp,
    });
  switch (body.variant) {
    case "data": {
      const value = numbersIn(body.data);
      if (typeof value === "string") return { id, reason: value };
      return element("measurements", { value, ...stamp });
    }
    case "log":
      return log(body.body === "" ? body.subject : `${body.subject}\n${body.body}`, body.level);
    case "config": {
      const revision = revisionOf(body.config);
      const isVerdict = body.status === "accepted" || body.status === "rejected";
      if (!isVerdict || revision === undefined) {
        return log(`configuration ${revision ?? -1}: ${body.status}`, "INFO");
      }
      return element("acknowledgments", { success: body.status === "accepted", timestamp, revision });
    }
    default:
      return body satisfies never;
  }
}

/** The values that Tenta takes, or why it takes none. */
function numbersIn(data: Data): Record<string, number> | string {
  const wrongKey = Object.keys(data).find((key) => key.length > MAX_KEY_LENGTH || !KEY.test(key));
  if (wrongKey !== undefined) return `Tenta does not allow the key ${JSON.stringify(wrongKey)}`;
  const entries = Object.entries(data).flatMap(([key, value]) =>
    typeof value === "string" ? [] : [[key, Number(value)] as const]
  );
  return entries.length === 0
    ? "it has no numbers, and Tenta takes nothing else"
    : Object.fromEntries(entries);
}

function revisionOf(config: unknown): number | undefined {
  const revision = (config as { general?: { config_revision?: unknown } } | null)?.general?.config_revision;
  return isRevision(revision) ? revision : undefined;
}

/** A configuration as Tenta sends it; undefined for the empty message that deletes a retained one. */
export function decode(payload: Uint8Array): Heard | undefined {
  if (payload.length === 0) return undefined;
  const json = decodeJson(payload);
  if ("kind" in json) return json;
  const { configuration, revision } = json.value as { configuration?: unknown; revision?: unknown } ?? {};
  if (!isRevision(revision)) return garbage("a configuration must have an integer revision from 0");
  return { kind: "configuration", revision, config: configuration ?? null };
}

/** Tenta, a server for sensor networks. */
export default defineMqttBackend({
  provider: "tenta",
  config,
  speak({ config: { sensor_identifier: sensor }, facts, inbox }) {
    return {
      encode: (message) => encode(message, sensor, facts),
      parcel: () => PARCEL,
      mustReachSomebody: true,
      subscriptions: [`configurations/${sensor}`],
      heard: (_topic, payload) => inbox.heard(decode(payload)),
    };
  },
});
