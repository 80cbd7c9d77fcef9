// Runs in: tests.
import net from "node:net";
import { MqttClient } from "../../src/backends/mqtt_client.ts";
import { until } from "./until.ts";

/** A client that listens in on a broker. */
export interface MqttObserver extends AsyncDisposable {
  readonly messages: { topic: string; payload: string; retain: boolean; atMs: number }[];
  /** Waits for a message that fits. */
  until<T>(
    what: string,
    look: (topic: string, payload: string) => T | undefined,
    limitMs?: number,
  ): Promise<T>;
  publish(topic: string, payload: string | Uint8Array, options?: { retain?: boolean }): Promise<void>;
}

/** Listens to everything below a topic. */
export async function observe(port: number, filter = "#"): Promise<MqttObserver> {
  const client = new MqttClient(() => net.connect(port, "127.0.0.1"), {
    protocolVersion: 5,
    reconnectPeriod: 0,
    timerVariant: "native",
    clientId: `observer-${crypto.randomUUID()}`,
  });
  client.on("error", () => {}); // the broker was killed: a new observer is made then
  const messages: MqttObserver["messages"] = [];
  client.on("message", (topic, payload, { retain }) => {
    messages.push({ topic, payload: new TextDecoder().decode(payload), retain, atMs: performance.now() });
  });
  await client.subscribeAsync(filter, { qos: 0 });
  return {
    messages,
    async until(what, look, limitMs) {
      let found: ReturnType<typeof look>;
      const seen = () =>
        messages.slice(-5).map(({ topic, payload }) => `${topic} ${payload.slice(0, 200)}`).join("\n");
      await until(() => `${what}; the last messages:\n${seen()}`, () => {
        for (const { topic, payload } of messages) {
          found = look(topic, payload);
          if (found !== undefined) return true;
        }
        return false;
      }, limitMs);
      return found!;
    },
    async publish(topic, payload, { retain = false } = {}) {
      await client.publishAsync(topic, payload as string, { qos: 1, retain });
    },
    [Symbol.asyncDispose]() {
      client.end(true);
      return Promise.resolve();
    },
  };
}
