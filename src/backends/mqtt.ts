// Runs in: backend worker.
import * as z from "zod";
import { commonSettings } from "../runtime/backend.ts";
import { type LeasedMessage } from "../shared/protocol.ts";
import { decodeConfiguration, type Heard } from "./heard.ts";
import { messageText } from "./message_text.ts";
import { defineMqttBackend } from "./mqtt_backend.ts";
import { mqttConnection } from "./mqtt_settings.ts";
import { fillTemplate, topicTemplate } from "./topic_template.ts";

const PREFIX = "ivy/{system_identifier}";

const topics = z.strictObject({
  data: topicTemplate(`${PREFIX}/data`, "measurements"),
  log: topicTemplate(`${PREFIX}/log`, "logs"),
  config_status: topicTemplate(`${PREFIX}/config/status`, "what became of configurations"),
  config_set: topicTemplate(`${PREFIX}/config/set`, "configurations for this node, best retained"),
  status: topicTemplate(`${PREFIX}/status`, "online or offline, retained"),
}).prefault({});

const config = z.strictObject({
  ...commonSettings,
  mqtt_connection: mqttConnection(z.string().min(1).describe("as the server knows this node")),
  topics,
  hold_without_subscribers: z.boolean().default(false).describe(
    "true = messages that the broker would give to nobody stay in the outbox until somebody has subscribed to their " +
      "topic; only MQTT 5 tells (a broker that speaks 3.1.1 alone takes them and says nothing)",
  ),
});
type Topics = z.output<typeof topics>;

/** One message as the daily file has it, for the topic of its kind. */
export function encode(message: LeasedMessage, topics: Topics) {
  const { id, variant } = message;
  const channel = variant === "config" ? topics.config_status : topics[variant];
  return { id, channel, text: messageText(message) };
}

/** A whole configuration, which carries its own revision; undefined for the empty message that deletes a retained one. */
export function decode(payload: Uint8Array): Heard | undefined {
  return payload.length === 0 ? undefined : decodeConfiguration(payload);
}

/** Any MQTT broker: EMQX, HiveMQ, Mosquitto, AWS IoT Core. */
export default defineMqttBackend({
  provider: "mqtt",
  config,
  speak({ config, facts, inbox }) {
    const fill = (template: string) => fillTemplate(template, { system_identifier: facts.systemIdentifier });
    const topics = Object.fromEntries(
      Object.entries(config.topics).map(([use, template]) => [use, fill(template)]),
    ) as Topics;
    return {
      encode: (message) => encode(message, topics),
      parcel: () => ({ isArray: false, maxElements: 1, maxBytes: Infinity, maxPoints: Infinity }),
      mustReachSomebody: config.hold_without_subscribers,
      subscriptions: [topics.config_set],
      heard: (_topic, payload) => inbox.heard(decode(payload)),
      presence: { topic: topics.status, online: "online", offline: "offline" },
      ...(facts.storeId === null ? {} : { userProperties: { store_id: facts.storeId } }),
    };
  },
});
