// Runs in: backend worker.
import { asConfiguration, decodeJson, decodeJsonText, garbage, type Heard } from "./heard.ts";

/** What ThingsBoard sends to a device. */
export type ServerEvent =
  | Heard
  /** Something that does not concern us. */
  | { kind: "nothing" }
  | { kind: "call"; requestId: string; method: string; params: unknown }
  | { kind: "answer"; requestId: string; value: unknown }
  | { kind: "provisioned"; value: unknown };

const DEVICE = "v1/devices/me";
/** Topics that every device listens to. */
export const SUBSCRIPTIONS = [
  `${DEVICE}/attributes`,
  `${DEVICE}/attributes/response/+`,
  `${DEVICE}/rpc/request/+`,
  `${DEVICE}/rpc/response/+`,
];

/** What a message of the server means; never throws, whatever the bytes are. */
export function decode(topic: string, payload: Uint8Array): ServerEvent {
  const json = decodeJson(payload);
  if ("kind" in json) return garbage(`on ${topic}: ${json.reason}`);
  const { value } = json;
  if (topic === "/provision/response") return { kind: "provisioned", value };
  const [, use = ""] = topic.split(`${DEVICE}/`);
  const requestId = use.split("/").at(-1)!;
  if (use === "attributes") return configurationIn(value);
  if (use.startsWith("attributes/response/")) {
    return configurationIn((value as { shared?: unknown } | null)?.shared);
  }
  if (use.startsWith("rpc/response/")) return { kind: "answer", requestId, value };
  if (!use.startsWith("rpc/request/")) return { kind: "nothing" };
  const { method, params = null } = (value ?? {}) as { method?: unknown; params?: unknown };
  if (typeof method !== "string") return garbage(`on ${topic}: a call must have a method`);
  return { kind: "call", requestId, method, params };
}

/** The shared attribute `configuration`: an object, or the same as JSON text. */
function configurationIn(attributes: unknown): ServerEvent {
  const configuration = (attributes as { configuration?: unknown } | null | undefined)?.configuration;
  if (configuration === undefined || configuration === null) return { kind: "nothing" };
  if (typeof configuration !== "string") return asConfiguration(configuration);
  const json = decodeJsonText(configuration);
  return "kind" in json
    ? garbage(`the attribute "configuration": ${json.reason}`)
    : asConfiguration(json.value);
}
