// Runs in: tests.
import mqtt from "../../src/backends/mqtt.ts";
import { exampleMessage, testBackend } from "../support/backend_suite.ts";
import { startMqttSuiteServer } from "../support/mqtt_suite_server.ts";
import { needs } from "../support/needs.ts";

function read(topic: string, payload: string) {
  if (!/^ivy\/test-system-1\/(data|log|config\/status)$/.test(topic)) return [];
  const element = JSON.parse(payload);
  return [{ id: element.id, element }];
}

testBackend("plain MQTT", {
  backend: mqtt,
  ignore: needs("mosquitto") !== undefined,
  startServer: (limits = {}) =>
    startMqttSuiteServer({
      limits,
      read,
      configure: (_revision, config) => ({
        topic: "ivy/test-system-1/config/set",
        payload: JSON.stringify(config),
      }),
    }),
  expected(id, timestamp) {
    const line = (variant: "data" | "log" | "config") => ({
      id,
      timestamp,
      message_body: exampleMessage(variant, id),
    });
    return { data: line("data"), log: line("log"), config: line("config") };
  },
});
