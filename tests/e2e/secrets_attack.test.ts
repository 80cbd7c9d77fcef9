// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../src/agent/paths.ts";
import { listenAsStranger } from "../support/listening_stranger.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needs } from "../support/needs.ts";
import type { TestConfig } from "../support/node.ts";
import { Bench, SET } from "../support/remote_bench.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const SECRETS = ["pass-word-1", "of-the-file-1", "of-the-variable-1", "of-the-page-token-1"];

interface Connection {
  host: string;
  port: number;
  username?: string;
  password?: unknown;
}
interface Entry {
  name?: string;
  provider: string;
  configures?: boolean;
  mqtt_connection?: Connection;
  [key: string]: unknown;
}

const backendsOf = (config: TestConfig) => config["backends"] as Entry[];

/** What an operator has seen of a configuration: the password's sign. */
function seen(config: TestConfig): Entry {
  const main = backendsOf(config)[0]!;
  main.mqtt_connection!.password = "•••";
  return main;
}

/** A second backend beside the one that is there. */
function add(config: TestConfig, entry: Entry): void {
  seen(config).configures = true;
  backendsOf(config).push({ configures: false, max_drain_seconds: 1, ...entry });
}

type Attack = (config: TestConfig, stranger: Connection, file: string) => void;

const ATTACKS: [name: string, attack: Attack, reason: RegExp][] = [
  ["a file behind one key more, entry 1", (config, stranger, file) => {
    add(config, {
      name: "evil",
      provider: "mqtt",
      mqtt_connection: { ...stranger, username: "x", password: { file, x: 1 } },
    });
  }, /backends\[1\]\.mqtt_connection\.password: expected text, \{"env": "NAME"\} or \{"file": "\/path"\}/],
  ["a variable behind one key more", (config, stranger) => {
    add(config, {
      name: "evil",
      provider: "mqtt",
      mqtt_connection: { ...stranger, username: "x", password: { env: "NODE_SECRET", file: "/x" } },
    });
  }, /backends\[1\]\.mqtt_connection\.password: expected text/],
  ["a reference in a list", (config, stranger, file) => {
    add(config, {
      name: "evil",
      provider: "mqtt",
      mqtt_connection: { ...stranger, username: "x", password: [{ file }] },
    });
  }, /only a person on the node may change backends\[evil\]\.mqtt_connection\.password\[0\]/],
  ["the address changed, the password kept by its sign, entry 2", (config, stranger) => {
    seen(config).mqtt_connection!.port = stranger.port;
  }, /backends\[mqtt\]: its destination changes \(mqtt_connection\.port, permissions\)/],
  ["the same with another provider", (config, stranger) => {
    Object.assign(seen(config), { name: "mqtt", provider: "thingsboard" });
    seen(config).mqtt_connection!.port = stranger.port;
  }, /backends\[mqtt\]: its destination changes/],
  ["renamed, the password kept", (config, stranger) => {
    Object.assign(seen(config), { name: "other", configures: false });
    seen(config).mqtt_connection!.port = stranger.port;
  }, /"•••" stands for the present value, but there is none at backends\[0\]\.mqtt_connection\.password/],
  ["a known reference in a new backend", (config, stranger) => {
    add(config, {
      name: "evil",
      provider: "mqtt",
      mqtt_connection: { ...stranger, username: "x", password: { env: "PAGE_TOKEN" } },
    });
  }, /only a person on the node may change backends\[evil\]\.mqtt_connection\.password/],
  ["two backends under one name", (config, stranger) => {
    add(config, { provider: "mqtt", mqtt_connection: { ...stranger, username: "x", password: "•••" } });
  }, /"•••" stands for the present value, but there is none at backends\[1\]\.mqtt_connection\.password/],
  ["a provider that every object has", (config, stranger) => {
    add(config, { provider: "constructor", mqtt_connection: { ...stranger, password: "pass-word-2" } });
  }, /backends\[1\]\.provider: expected one of/],
  ["credentials in an address", (config) => {
    add(config, { provider: "http", url: "http://me:pass-word-2@127.0.0.1:9/" });
  }, /backends\[1\]\.url: expected an address without user name and password/],
  ["sixteen backends and one more", (config, stranger) => {
    seen(config).configures = true;
    for (let index = 0; index < 16; index++) {
      const own = { name: `b${index}`, provider: "mqtt", configures: false };
      backendsOf(config).push({ ...own, mqtt_connection: { ...stranger } });
    }
  }, /backends: expected a list of at most 16/],
  ["sixty thousand unknown keys", (config) => {
    config["more"] = Object.fromEntries(Array.from({ length: 60_000 }, (_, key) => [`k${key}`, 1]));
  }, /it has more than 10000 keys and elements/],
  ["nine thousand unknown keys", (config) => {
    Object.assign(config, Object.fromEntries(Array.from({ length: 9000 }, (_, key) => [`k${key}`, 1])));
  }, /and 89\d\d more errors/],
];

Deno.test({
  name: "a server cannot make a node send its secrets elsewhere, nor wear it down, by configurations",
  ignore,
  async fn(t) {
    const folder = await Deno.makeTempDir({ prefix: "ivy-secret-" });
    const file = join(folder, "secret");
    await Deno.writeTextFile(file, "of-the-file-1");
    await using stranger = listenAsStranger();
    const env = { NODE_SECRET: "of-the-variable-1", PAGE_TOKEN: "of-the-page-token-1" };
    await using bench = await Bench.start({ metronome: {} }, env, (config) => {
      config["status_page"] = { port: 0, token: { env: "PAGE_TOKEN" } };
    });
    await using agent = await bench.node.run().ready();
    await bench.told(1, "startup");
    const before = Deno.readTextFileSync(bench.node.paths.configFile);
    let revision = 1;
    const there = { host: "127.0.0.1", port: stranger.port };

    for (const [name, attack, reason] of ATTACKS) {
      await t.step(name, async () => {
        await bench.send(++revision, (config) => attack(config, there, file));
        assertMatch((await bench.told(revision, "rejected")).reason!, reason);
        assertEquals(Deno.readTextFileSync(bench.node.paths.configFile), before);
      });
    }

    await t.step("the stranger has got nothing, and nothing has been told of what is secret", async () => {
      assertEquals(stranger.received(), "");
      await agent.stop();
      const told = bench.observer.messages.filter(({ topic }) => topic !== SET);
      const everything = agent.log.text + bench.node.logText() + JSON.stringify(bench.node.messages()) +
        JSON.stringify(told);
      for (const secret of [...SECRETS, "pass-word-2"]) assert(!everything.includes(secret), secret);
    });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "what a person on the node allows is taken, exactly as it came; new secrets need nobody",
  ignore,
  async fn(t) {
    await using other = await startMosquitto();
    await using bench = await Bench.start({ metronome: {} });
    await using agent = await bench.node.run().ready();
    await bench.told(1, "startup");
    const move = (config: TestConfig) => {
      seen(config).mqtt_connection!.port = other.port;
    };

    await t.step("refused: it says how to allow it", async () => {
      await bench.send(2, move);
      assertStringIncludes((await bench.told(2, "rejected")).reason!, "ivy config accept 2");
    });

    await t.step("another number is not there to be allowed", async () => {
      const { code, stderr } = await bench.node.ivy("config", "accept", "3");
      assertEquals([code, stderr], [
        1,
        "ivy: revision 3 does not wait to be allowed on this node; revision 2 does\n",
      ]);
      assertEquals((await bench.node.ivy("config", "accept")).code, 2);
    });

    await t.step("what a server sends under the same number afterwards is not what was allowed", async () => {
      await bench.send(2, (config) => {
        move(config);
        Object.assign(config.procedures, { random_walk: { enabled: true, seconds_between_datapoints: 1 } });
      });
      const { code, stdout } = await bench.node.ivy("config", "accept", "2");
      assertEquals(code, 0);
      assertMatch(stdout, /^configuration 2 is allowed.*mqtt_connection\.port.*\nit is tried now/);
      await until("it is in the file", () => bench.file().general.config_revision === 2);
      const { mqtt_connection: connection } = backendsOf(bench.file())[0]!;
      assertEquals([connection!.port, connection!.password], [other.port, "pass-word-1"]);
      assertEquals(Object.keys(bench.file().procedures), ["metronome"]);
      await agent.log.until(/configuration 2 is accepted/);
      await until("it is allowed no more", () => !exists(bench.node.paths.refusedConfiguration));
    });
  },
});

Deno.test({
  name: "a backend may go elsewhere with secrets of its own, and to where a person has said that they may go",
  ignore,
  async fn(t) {
    await using other = await startMosquitto();
    await using third = await startMosquitto();
    await using bench = await Bench.start({ metronome: {} }, {}, (config) => {
      Object.assign(config.general, { trusted_destinations: [`127.0.0.1:${other.port}`] });
    });
    await using agent = await bench.node.run().ready();
    await bench.told(1, "startup");

    await t.step("to a trusted destination, with the present password", async () => {
      await bench.send(2, (config) => {
        seen(config).mqtt_connection!.port = other.port;
      });
      await agent.log.until(/configuration 2 is accepted/);
      assertEquals(backendsOf(bench.file())[0]!.mqtt_connection!.password, "pass-word-1");
    });

    await t.step("to any other with a new one", async () => {
      const config = bench.file();
      config.general.config_revision = 3;
      Object.assign(backendsOf(config)[0]!.mqtt_connection!, { port: third.port, password: "a-new-one" });
      const { observe } = await import("../support/mqtt_observer.ts");
      await using there = await observe(other.port);
      await there.publish(SET, JSON.stringify(config), { retain: true });
      await agent.log.until(/configuration 3 is accepted/);
      assertEquals(backendsOf(bench.file())[0]!.mqtt_connection!.port, third.port);
    });
  },
});

Deno.test({
  name: "a server that may not configure the node is not heard; an attempt that kills the node is made once",
  ignore,
  async fn(t) {
    await using deaf = await startMosquitto();
    await using bench = await Bench.start({ metronome: {} }, {}, (config) => {
      backendsOf(config)[0]!.configures = true;
      add(config, {
        name: "deaf",
        provider: "mqtt",
        mqtt_connection: { host: "127.0.0.1", port: deaf.port },
      });
      backendsOf(config)[0]!.mqtt_connection!.password = "pass-word-1";
    });
    await using agent = await bench.node.run().ready();
    await bench.told(1, "startup");

    await t.step("configures: false", async () => {
      const { observe } = await import("../support/mqtt_observer.ts");
      await using there = await observe(deaf.port);
      const config = bench.file();
      config.general.config_revision = 2;
      await there.publish(SET, JSON.stringify(config), { retain: true });
      await agent.log.until(
        /WARNING {3}deaf {2}ignored configuration 2: this backend's server may not configure/,
      );
    });

    await t.step("killed in the attempt", async () => {
      await bench.send(3, (config) => {
        config.procedures["random_walk"] = { enabled: true, seconds_between_datapoints: 1 };
      });
      await until("it is written down before it is tried", () => {
        try {
          return JSON.parse(Deno.readTextFileSync(bench.node.paths.revisions)).tried?.revision === 3;
        } catch {
          return false;
        }
      });
      await agent.kill();
      await using next = await bench.node.run().ready();
      const { reason } = await bench.told(3, "rejected");
      assertEquals(reason, "the agent was killed while it tried this configuration");
      await next.log.until(/ignored configuration 3: it has been rejected before/);
      assertEquals(bench.file().general.config_revision, 1);
      await next.stop();
    });
  },
});
