// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { needs } from "../support/needs.ts";
import { freePort } from "../support/free_port.ts";
import type { TestConfig } from "../support/node.ts";
import { Bench, SET } from "../support/remote_bench.ts";
import { beatsOf } from "../support/steady.ts";
import { valuesOf } from "../support/messages.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const backendsOf = (config: TestConfig) =>
  config.backends as unknown as { mqtt_connection: { port: number } }[];
/** A machine that is busy with the acceptance tests may be late for a beat; a restart would cost several. */
function assertUndisturbed(beats: number[]): void {
  const gaps = beats.slice(1).map((beat, index) => beat - beats[index]!);
  assert(gaps.every((gap) => gap === 1 || gap === 2), `beats: ${beats}`);
}

const changeWalk = (seconds: number) => (config: TestConfig) => {
  config.procedures["random_walk"]!["seconds_between_datapoints"] = seconds;
};

Deno.test({
  name:
    "a configuration from afar is validated, tested, taken into use without ending the process, and accepted",
  ignore,
  async fn(t) {
    await using bench = await Bench.start({
      metronome: {},
      random_walk: { seconds_between_datapoints: 7200 },
    });
    await using agent = await bench.node.run().ready();
    const { log } = agent;
    await bench.told(1, "startup");

    await t.step("only what it concerns is restarted; the neighbour misses no tick", async () => {
      await bench.send(2, changeWalk(0.1));
      assertEquals((await bench.told(2, "received")).config.backends as unknown, [
        {
          provider: "mqtt",
          max_drain_seconds: 1,
          mqtt_connection: { host: "127.0.0.1", port: bench.broker.port, username: "node", password: "•••" },
        },
      ]);
      await bench.node.untilMessages("the walk", (messages) => valuesOf(messages, "random_value")[5]);
      await bench.told(2, "accepted");
      assertEquals(bench.file().general.config_revision, 2);
      assertEquals(Deno.statSync(bench.node.paths.configFile).mode! & 0o777, 0o600);
      assertEquals(
        JSON.parse(Deno.readTextFileSync(bench.node.paths.previousConfigFile)).general.config_revision,
        1,
      );
      assertUndisturbed(beatsOf(bench.node.messages()));
      assertEquals((await bench.node.status()).procedures["metronome"]!.restarts, 0);
      assertEquals(log.text.match(/Ivy \S+ starts/g)?.length, 1);
      assertEquals((await bench.node.status()).config_revision, 2);
    });

    await t.step("one that changes nothing but the revision restarts nothing", async () => {
      const after = log.text.length;
      await bench.send(3, changeWalk(0.1));
      await bench.told(3, "accepted");
      assert(!/connected to|ends|stopp/.test(log.text.slice(after)), log.text.slice(after));
      assertEquals((await bench.node.status()).procedures["random_walk"]!.restarts, 0);
    });

    await t.step("an old or equal revision is ignored with one line, and silently after that", async () => {
      for (let round = 0; round < 3; round++) await bench.send(2, changeWalk(50));
      await bench.send(3, changeWalk(50));
      await bench.observer.publish(SET, "", { retain: true });
      await until("1 is ignored", async () => {
        await bench.send(1, changeWalk(50)); // the newest of a second is handed on, which this is not at first
        return log.text.includes("ignored configuration 1: the node runs with revision 3 already");
      });
      assertEquals(log.text.match(/ignored configuration/g)?.length, 1, "2 and 3 were handled in this run");
    });

    await t.step("garbage changes nothing", async () => {
      for (const payload of ["{", "null", "[]", '{"general":{}}', "\u0000", `${"[".repeat(100_000)}`]) {
        await bench.observer.publish(SET, payload);
      }
      await log.until(/WARNING {3}mqtt {2}ignored what the server sent/);
      assertEquals(bench.file().general.config_revision, 3);
    });

    const rejected: [name: string, revision: number, change: (config: TestConfig) => void, reason: RegExp][] =
      [
        [
          "a misspelt key",
          10,
          (config) => Object.assign(config.procedures["random_walk"]!, { secnods: 1 }),
          /procedures\.random_walk: unknown key "secnods"/,
        ],
        [
          "a value out of bounds",
          11,
          changeWalk(-1),
          /procedures\.random_walk\.seconds_between_datapoints: expected a number/,
        ],
        [
          "a provider that there is not",
          12,
          (config) => {
            Object.assign(backendsOf(config)[0]!, { configures: true });
            backendsOf(config).push({ provider: "mtqq", configures: false } as never);
          },
          /backends\[1\]\.provider: expected one of/,
        ],
        [
          "a new reference",
          13,
          (config) => Object.assign(config.procedures["random_walk"]!, { a: { file: "/etc/shadow" } }),
          /only a person on the node may change procedures\.random_walk\.a/,
        ],
        [
          "a procedure that fails its own test",
          14,
          (config) => config.procedures["throws_on_loading"] = { enabled: true },
          /throws_on_loading/,
        ],
      ];
    for (const [name, revision, change, reason] of rejected) {
      await t.step(`rejected, with the reason: ${name}`, async () => {
        const before = Deno.readTextFileSync(bench.node.paths.configFile);
        await bench.send(revision, change);
        assertMatch((await bench.told(revision, "rejected")).reason!, reason);
        assertEquals(Deno.readTextFileSync(bench.node.paths.configFile), before);
      });
    }

    await t.step("no secret is in the log, in a message, or on the wire", async () => {
      assertEquals((await agent.stop()).code, 0);
      const everything = log.text + bench.node.logText() + JSON.stringify(bench.node.messages()) +
        JSON.stringify(bench.observer.messages.filter(({ topic }) => topic !== SET));
      assert(!everything.includes("pass-word-1"));
    });

    await t.step("a rejected revision is remembered over a restart", async () => {
      await using next = await bench.node.run().ready();
      await next.log.until(/ignored configuration 14: it has been rejected before/);
      await next.stop();
    });
  },
});

Deno.test({
  name: "a configuration that makes a procedure fail, or loses the broker, is taken back",
  ignore,
  async fn(t) {
    await using bench = await Bench.start({
      metronome: {},
      random_walk: { seconds_between_datapoints: 1 },
      counts: {},
    });
    await using agent = await bench.node.run().ready();
    await bench.told(1, "startup");

    await t.step("a wrong address of the broker", async () => {
      await bench.send(2, (config) => {
        backendsOf(config)[0]!.mqtt_connection.port = freePort();
      });
      const { reason } = await bench.told(2, "rejected");
      assertStringIncludes(reason!, "the backend mqtt was connected before and does not come back");
      assertEquals(bench.file(), bench.config);
    });

    await t.step("the only backend removed", async () => {
      await bench.send(3, (config) => void (config.backends = []));
      const { reason } = await bench.told(3, "rejected");
      assertEquals(reason, "no backend is connected any more: the node could not be reached");
    });

    await t.step("the same with the agent killed while the configuration is watched", async () => {
      await bench.send(4, (config) => {
        backendsOf(config)[0]!.mqtt_connection.port = freePort();
      });
      await agent.log.until(/configuration 4 is taken into use/);
      await agent.kill();
      await using next = await bench.node.run().ready();
      await bench.told(4, "rejected");
      assertEquals(bench.file(), bench.config);
      await next.stop();
    });
  },
});
