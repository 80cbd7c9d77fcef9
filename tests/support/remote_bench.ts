// Runs in: tests.
import { startMosquitto } from "./mosquitto.ts";
import { type MqttObserver, observe } from "./mqtt_observer.ts";
import { type TestConfig, TestNode } from "./node.ts";
import { backendsIvy } from "./program.ts";

export const SET = "ivy/node-1/config/set";
const STATUS = "ivy/node-1/config/status";

export interface Status {
  status: string;
  config: TestConfig;
  reason?: string;
}

/** A node with a broker, and somebody who configures it from afar. */
export class Bench implements AsyncDisposable {
  static async start(
    procedures: Record<string, Record<string, unknown>>,
    env: Record<string, string> = {},
    change: (config: TestConfig) => void = () => {},
  ) {
    const broker = await startMosquitto();
    const node = new TestNode({ program: await backendsIvy(), procedures, env });
    const base = {
      max_drain_seconds: 1,
      mqtt_connection: { host: "127.0.0.1", port: broker.port, username: "node", password: "pass-word-1" },
    };
    node.configure((config) => {
      config.general.config_revision = 1;
      config.general.system_identifier = "node-1";
      config["backends"] = [{ provider: "mqtt", ...base }];
      change(config);
    });
    return new Bench(
      broker,
      node,
      await observe(broker.port),
      JSON.parse(await Deno.readTextFile(node.paths.configFile)),
    );
  }

  constructor(
    readonly broker: Awaited<ReturnType<typeof startMosquitto>>,
    readonly node: TestNode,
    readonly observer: MqttObserver,
    readonly config: TestConfig,
  ) {}

  /** Publishes a changed configuration, retained, as an operator would. */
  async send(revision: number, change: (config: TestConfig) => void): Promise<void> {
    const config = structuredClone(this.config);
    config.general.config_revision = revision;
    change(config);
    await this.observer.publish(SET, JSON.stringify(config), { retain: true });
  }

  /** What the node says of a revision. */
  async told(revision: number, status: string, limitMs = 60_000): Promise<Status> {
    return await this.observer.until(`${status} of ${revision}`, (topic, payload) => {
      if (topic !== STATUS) return undefined;
      const body = JSON.parse(payload).message_body as Status;
      return body.status === status && body.config.general.config_revision === revision ? body : undefined;
    }, limitMs);
  }

  file(): TestConfig {
    return JSON.parse(Deno.readTextFileSync(this.node.paths.configFile));
  }

  async [Symbol.asyncDispose]() {
    await this.observer[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
  }
}
