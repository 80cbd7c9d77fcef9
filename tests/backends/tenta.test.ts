// Runs in: tests.
import tenta from "../../src/backends/tenta.ts";
import { testBackend } from "../support/backend_suite.ts";
import { startMqttSuiteServer } from "../support/mqtt_suite_server.ts";
import { needs } from "../support/needs.ts";

const SENSOR = "8d06a1c9-9c2b-4b0c-9c1f-0d3a4f1b2c3d";

function read(topic: string, payload: string) {
  const [kind, sensor] = topic.split("/");
  if (sensor !== SENSOR) return [];
  return (JSON.parse(payload) as { value?: { n: number }; message?: string; revision: number }[]).map(
    (element) => {
      const id = kind === "measurements"
        ? element.value!.n
        : kind === "logs"
        ? Number(/\d+/.exec(element.message!))
        : element.revision;
      return { id, element };
    },
  );
}

testBackend("Tenta", {
  backend: tenta,
  ignore: needs("mosquitto") !== undefined,
  startServer: (limits = {}) =>
    startMqttSuiteServer({
      limits,
      read,
      settings: { sensor_identifier: SENSOR },
      listensTo: "#",
      configure: (revision, configuration) => ({
        topic: `configurations/${SENSOR}`,
        payload: JSON.stringify({ revision, configuration }),
      }),
    }),
  expected: (id, timestamp) => ({
    data: { value: { n: id, reading: id / 8, valve_open: 1 }, timestamp, revision: 7 },
    log: { message: `log ${id}`, severity: "warning", timestamp, revision: 7 },
    config: { success: true, timestamp, revision: id },
  }),
  unsendable: {
    body: { variant: "data", data: { CO2: 412 } },
    reason: 'Tenta does not allow the key "CO2"',
  },
});
