// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import type { AgentProcess } from "../support/agent_process.ts";
import { Evidence } from "../support/evidence.ts";
import { freePort } from "../support/free_port.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { type MqttObserver, observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { type TestConfig, TestNode } from "../support/node.ts";
import { backendsIvy } from "../support/program.ts";
import { findFaults } from "../support/store_oracle.ts";

const SET = "ivy/node-1/config/set";
const STATUS = "ivy/node-1/config/status";
/** As many messages as a life sends before it is replaced: with a forgotten number, that many would be lost. */
const ENOUGH = 150;

type Connection = { mqtt_connection: { port: number } };

Deno.test({
  name: "a procedure that is replaced by a configuration, or by its rollback, loses no message that resolved",
  ignore: needs("mosquitto") !== undefined,
  async fn(t) {
    await using broker = await startMosquitto();
    await using node = new TestNode({
      program: await backendsIvy(),
      procedures: { tells_1: { seconds: 0.02 }, tells_2: { seconds: 0.02 } },
    });
    node.configure((config) => {
      config.general.config_revision = 1;
      config.general.system_identifier = "node-1";
      const mqtt_connection = {
        host: "127.0.0.1",
        port: broker.port,
        username: "node",
        password: "pass-word-1",
      };
      config["backends"] = [{ provider: "mqtt", max_drain_seconds: 10, mqtt_connection }];
    });
    const original: TestConfig = JSON.parse(Deno.readTextFileSync(node.paths.configFile));
    await using observer = await observe(broker.port);
    await using agent = await node.run().ready();
    await livesOf(agent, 2);

    const set = async (revision: number, verdict: string, change: (config: TestConfig) => void) => {
      const config = structuredClone(original);
      config.general.config_revision = revision;
      change(config);
      await observer.publish(SET, JSON.stringify(config), { retain: true });
      await told(observer, revision, verdict);
    };

    await t.step("by another interval", async () => {
      await set(2, "accepted", (config) => config.procedures["tells_1"]!["seconds"] = 0.03);
      await livesOf(agent, 3);
    });

    await t.step("by one that is taken back", async () => {
      await set(3, "rejected", (config) => {
        config.procedures["tells_1"]!["seconds"] = 0.04;
        (config["backends"] as Connection[])[0]!.mqtt_connection.port = freePort();
      });
      await livesOf(agent, 5);
    });

    await t.step("with a store that is replaced at the same time", async () => {
      await set(4, "accepted", (config) => {
        config.procedures["tells_2"]!["seconds"] = 0.03;
        config.storage["commit_interval_ms"] = 5;
      });
      await livesOf(agent, 7); // tells_1 goes back to its first interval, too
    });

    assertEquals((await agent.stop()).code, 0, agent.log.text);
    const evidence = new Evidence().noteAll(agent.output.text);
    assertEquals([...evidence.refused], []);
    assertEquals(findFaults(node.paths.data, evidence), []);
    const sent = observer.messages.map(({ payload }) => /"key":"([^"]+)"/.exec(payload)?.[1]);
    const missing = [...evidence.acknowledged].filter((key) => !sent.includes(key));
    assertEquals(missing, [], "all of it has reached the broker");
  },
});

/** Waits until so many lives of procedures have got enough messages stored. */
async function livesOf(agent: AgentProcess, count: number): Promise<void> {
  const lives = await agent.output.untilTrue(`${ENOUGH} messages of ${count} lives`, (text) => {
    const acknowledged = new Map<string, number>();
    for (const [, life] of text.matchAll(/^a (\w+)\//gm)) {
      acknowledged.set(life!, (acknowledged.get(life!) ?? 0) + 1);
    }
    const enough = [...acknowledged.values()].filter((messages) => messages >= ENOUGH);
    return enough.length >= count ? enough.length : undefined;
  }, { deadlineMs: 60_000 });
  assert(lives >= count);
}

async function told(observer: MqttObserver, revision: number, verdict: string): Promise<void> {
  await observer.until(`${verdict} of ${revision}`, (topic, payload) => {
    if (topic !== STATUS) return undefined;
    const { status, config } = JSON.parse(payload).message_body;
    return status === verdict && config.general.config_revision === revision || undefined;
  }, 90_000);
}
