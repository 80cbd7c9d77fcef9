// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { freePort } from "../support/free_port.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { needsOwnHosts, ownHosts } from "../support/own_hosts.ts";
import { shippedIvy } from "../support/program.ts";
import { startRestServer } from "../support/rest_server.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined || needsOwnHosts() !== undefined;
const NAME = "servers.example";
/** So many that one of them comes first nearly always, in whatever order the system gives them. */
const DEAD = Array.from({ length: 9 }, (_, index) => `127.0.1.${index + 1}`);
const ALIVE = "127.0.0.9";

/** A broker at the address that is alive. */
async function startBroker() {
  const port = freePort();
  const broker = await startMosquitto({ lines: [`listener ${port} ${ALIVE}`] });
  return { broker, port, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}

Deno.test({
  name:
    "servers with several addresses, of which the first is dead: connected within 5 s, and doctor says which is",
  ignore,
  async fn() {
    using hosts = ownHosts();
    hosts.set({ [NAME]: [...DEAD, ALIVE] });
    await using broker = await startBroker();
    await using server = startRestServer({ maxBytes: 1_000_000, hostname: ALIVE });
    await using node = new TestNode({
      program: hosts.with(shippedIvy()),
      procedures: { random_walk: { seconds_between_datapoints: 1 } },
    });
    node.configure((config) => {
      config.backends = [
        { provider: "mqtt", configures: true, mqtt_connection: { host: NAME, port: broker.port } },
        { provider: "http", configures: false, url: `http://${NAME}:${server.port}/messages` },
      ] as never;
    });
    await using agent = await node.run().ready();
    const startMs = performance.now();
    for (const name of ["mqtt", "http"]) await agent.log.until(new RegExp(`${name} {2}connected to`));
    assert(performance.now() - startMs < 5000, `${performance.now() - startMs} ms`);
    await until("messages arrive at both", async () => {
      const { backends } = await node.status();
      return ["mqtt", "http"].every((name) => backends[name]!.messages!.acknowledged > 0);
    });
    const { backends } = await node.status();
    assertEquals([backends["mqtt"]!.restarts, backends["http"]!.restarts], [0, 0]);
    const found = (await node.ivy("doctor")).stdout;
    assert(/! +mqtt: TCP.*is open at 127\.0\.0\.9; not at 127\.0\.1\./.test(found), found);
    assert(/✓ +mqtt: login/.test(found), found);
    hosts.set({ [NAME]: DEAD });
    const dead = (await node.ivy("doctor")).stdout;
    assert(/✗ +mqtt: TCP/.test(dead), dead);
    assertEquals((await agent.stop()).code, 0);
  },
});

Deno.test({
  name:
    "a server that moves, and a name that nobody knows at first: the backend starts anew, which is no failure of it",
  ignore,
  async fn() {
    using hosts = ownHosts();
    await using broker = await startBroker();
    await using observer = await observe(broker.broker.port, "ivy/#");
    await using node = new TestNode({
      program: hosts.with(shippedIvy()),
      procedures: { random_walk: { seconds_between_datapoints: 1 } },
    });
    node.configure((config) => {
      config.backends = [{
        provider: "mqtt",
        mqtt_connection: { host: NAME, port: broker.port },
      }] as never;
    });
    await using agent = await node.run().ready();
    await agent.log.until(/mqtt {2}not connected: the name servers\.example cannot be resolved/);
    hosts.set({ [NAME]: DEAD });
    await agent.log.until(
      /its server has other addresses: servers\.example is at 127\.0\.1\./,
    );
    await agent.log.until(/mqtt {2}not connected: nobody listens on servers\.example:\d+/);
    hosts.set({ [NAME]: [...DEAD, ALIVE] });
    await agent.log.until(/mqtt {2}connected to servers\.example:\d+ \(MQTT 5\)/);
    await observer.until("measurements", (topic) => topic.endsWith("/data") || undefined);
    const { backends, verdict } = await node.status();
    const { restarts, last_error, state } = backends["mqtt"]!;
    assertEquals([restarts, last_error, state], [0, null, "running"]);
    assertEquals(verdict.reasons, []);
    assert(!/ERROR|EXCEPTION/.test(agent.log.text), agent.log.text);
    assertEquals((await agent.stop()).code, 0);
  },
});
