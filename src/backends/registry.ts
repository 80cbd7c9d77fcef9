// Runs in: main thread.
import type { BackendRegistry } from "../shared/registry.ts";

/** Settings that decide where the secrets of an MQTT backend go. */
const MQTT_DESTINATION = ["mqtt_connection.host", "mqtt_connection.port", "mqtt_connection.tls"];

/**
 * The one place that says which backends there are and what each may touch: the network at its server's address, and
 * nothing else. A new backend is a new file in this folder and one line here.
 */
export const backends: BackendRegistry = {
  tenta: {
    module: import.meta.resolve("./tenta.ts"),
    permissions: mqttServer,
    destination: MQTT_DESTINATION,
  },
  thingsboard: {
    module: import.meta.resolve("./thingsboard.ts"),
    permissions: mqttServer,
    destination: MQTT_DESTINATION,
  },
  mqtt: { module: import.meta.resolve("./mqtt.ts"), permissions: mqttServer, destination: MQTT_DESTINATION },
  http: {
    module: import.meta.resolve("./http.ts"),
    permissions: webServers,
    destination: ["url", "configuration_url"],
  },
};

/** The address in `mqtt_connection`. */
function mqttServer(settings: Record<string, unknown>) {
  const { host, port } = settings["mqtt_connection"] as { host: string; port: number };
  return { net: [address(host, port)] };
}

/** The addresses in `url` and `configuration_url`. */
function webServers(settings: Record<string, unknown>) {
  const urls = [settings["url"], settings["configuration_url"]].filter((url) => typeof url === "string");
  return {
    net: urls.map((text) => {
      const { hostname, port, protocol } = new URL(text);
      return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
    }),
  };
}

function address(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
