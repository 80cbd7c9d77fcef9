// Runs in: benchmarks, worker.
import net from "node:net";
import { MqttClient } from "../../src/backends/mqtt_client.ts";

/** mqtt.js by itself: publishes the same payloads with the same window as fast as it can. */
export interface BareRequest {
  port: number;
  topic: string;
  payloads: string[];
  window: number;
  userProperties: Record<string, string> | undefined;
}

function publishAll({ port, topic, payloads, window, userProperties }: BareRequest): Promise<number> {
  const client = new MqttClient(() => net.connect(port, "127.0.0.1"), {
    protocolVersion: 5,
    reconnectPeriod: 0,
    timerVariant: "native",
    clientId: "bare",
  });
  const options = {
    qos: 1 as const,
    ...(userProperties === undefined ? {} : { properties: { userProperties } }),
  };
  return new Promise((resolve) =>
    client.on("connect", () => {
      const startMs = performance.now();
      let next = 0;
      let open = 0;
      const more = () => {
        while (open < window && next < payloads.length) {
          open++;
          client.publish(topic, payloads[next++]!, options, () => {
            open--;
            if (next < payloads.length) more();
            else if (open === 0) {
              resolve(performance.now() - startMs);
              client.end();
            }
          });
        }
      };
      more();
    })
  );
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<BareRequest>) => void;
  postMessage(ms: number): void;
};
scope.onmessage = async ({ data }) => scope.postMessage(await publishAll(data));
