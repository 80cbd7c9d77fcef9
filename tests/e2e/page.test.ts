// Runs in: tests.
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { EventStream } from "../support/event_stream.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { observe } from "../support/mqtt_observer.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { PageNode } from "../support/page_node.ts";
import { backendsIvy, misbehavingIvy } from "../support/program.ts";
import { beatsOf } from "../support/steady.ts";
import { until } from "../support/until.ts";

const program = await misbehavingIvy();

async function get(page: { url: string }, path: string) {
  const response = await fetch(page.url + path);
  return { status: response.status, body: await response.json() };
}

Deno.test("a page shows a running node: verdict, numbers, log, configuration, and a procedure that fails", async (t) => {
  await using page = await PageNode.start({
    program,
    procedures: { metronome: { seconds: 0.2 }, throws_later: {} },
    covered: true,
  });
  await using stream = new EventStream(`${page.url}/api/v1/events`);

  await t.step("new numbers come as they are measured", async () => {
    const { time_ms: timeMs, values } = await stream.until("points", 2);
    assertAlmostEquals(values.beat * 200, timeMs, 2000); // a busy machine may be late
    const [first, second] = stream.of("points").map(({ data }) => data.values.beat);
    assert(second > first);
  });

  await t.step("charts hold what the daily file holds, and go on", async () => {
    const { keys } = (await get(page, "/api/v1/series?keys=beat")).body;
    const found = (keys.beat.max as (number | null)[]).findLast((value) => value !== null)!;
    const beats = beatsOf(page.node.messages());
    assert(found >= beats[0]! && found <= beats.at(-1)!, `${found} is not in ${beats}`);
    await until("a later beat is in the charts", async () => {
      const { keys } = (await get(page, "/api/v1/series?keys=beat")).body;
      return keys.beat.max.findLast((value: number | null) => value !== null) > found;
    });
  });

  await t.step("the verdict says who fails, everywhere the same, and health is 503", async () => {
    await page.agent.log.until(/EXCEPTION throws_later /);
    const { status, body } = await get(page, "/healthz");
    assertEquals([status, body.well], [503, false]);
    assertMatch(body.reasons[0], /^throws_later failed \d+ s ago/);
    const { verdict, procedures } = await page.node.status();
    assertMatch(verdict.text, /^Not well: throws_later failed \d+ s ago/);
    assertMatch((await page.node.ivy("status")).stdout, /^not well .*\n {2}throws_later failed \d+ s ago/);
    assertEquals(procedures["metronome"]!.restarts, 0);
    await until("the stream tells it", () => stream.of("status").at(-1)!.data.verdict.well === false);
  });

  await t.step("the log comes live, and can be searched", async () => {
    const { data, id } = stream.of("log").find(({ data }) => data.level === "EXCEPTION")!;
    assertEquals([data.origin, data.id], ["throws_later", id]);
    const { entries } = (await get(page, "/api/v1/logs?level=EXCEPTION&origin=throws_later")).body;
    assertEquals(entries.find((entry: { id: string }) => entry.id === id), data);
    const { entries: early } = (await get(page, "/api/v1/logs?text=starts&origin=agent")).body;
    assertEquals(early[0].id, null, "from before the page was there");
  });

  await t.step("state and configuration", async () => {
    assertEquals((await get(page, "/api/v1/state")).body.overloaded, false);
    const { config, revisions } = (await get(page, "/api/v1/config")).body;
    assertEquals(config.procedures.metronome, { enabled: true, seconds: 0.2 });
    assertEquals(revisions.length, 1);
    assertEquals([revisions[0].revision, revisions[0].status], [-1, "current"]);
  });

  await t.step("the store does nothing for charts when nobody looks", async () => {
    await stream[Symbol.asyncDispose]();
    await until("the metrics count on", async () => {
      const text = await (await fetch(`${page.url}/metrics`)).text();
      return Number(/^ivy_messages_stored_total\{variant="data"\} (\d+)$/m.exec(text)![1]) > 5;
    });
  });
});

Deno.test("what a page shows holds no secret, wherever a procedure or a server shouts it", async () => {
  const secrets = { password: 'hunter"22\\x', pin: "73519", plate: "M-IV 2026" };
  await using page = await PageNode.start({
    program,
    procedures: { metronome: {}, keeps_secrets: secrets },
    token: "page-token-55",
    configure: (config) => {
      const connection = { host: "127.0.0.1", port: 1, username: "node", password: "broker-pass-1" };
      config["backends"] = [{ provider: "mqtt", max_drain_seconds: 0, mqtt_connection: connection }];
    },
  });
  await page.agent.log.until(/EXCEPTION keeps_secrets {2}failed: pin ••• was refused/);
  const headers = { authorization: "Bearer page-token-55" };
  const paths = [
    "healthz",
    "metrics",
    ...["status", "series", "logs", "state", "config"].map((n) => `api/v1/${n}`),
  ];
  const shown = await Promise.all(
    paths.map(async (path) => await (await fetch(`${page.url}/${path}`, { headers })).text()),
  );
  await using stream = new EventStream(`${page.url}/api/v1/events?last_event_id=other-1`, headers);
  await stream.until("log", 3);
  const all = [...shown, JSON.stringify(stream.events)].join("\n");
  for (const secret of [...Object.values(secrets), "hunter", "page-token-55", "broker-pass-1"]) {
    for (const at of [all.indexOf(secret), all.indexOf(JSON.stringify(secret).slice(1, -1))]) {
      assertEquals(at, -1, all.slice(at - 100, at + 100));
    }
  }
  for (const kept of ["signing in with •••", "failed: pin ••• was refused"]) assert(all.includes(kept), kept);
});

Deno.test("two nodes that want one port: the second says so once, and measures", async () => {
  await using first = await PageNode.start({ program, procedures: { metronome: {} } });
  await using second = new TestNode({ program, procedures: { metronome: {} } });
  second.configure((config) => config["status_page"] = { port: first.port });
  await using agent = await second.run().ready();
  await agent.log.until(
    /WARNING +status_page {2}the status page cannot be served on 127\.0\.0\.1 port \d+: /,
  );
  await second.untilMessages("it beats", (messages) => beatsOf(messages)[1]);
  assertEquals((await second.status()).verdict.well, true);
  assertEquals((await agent.stop()).code, 0);
});

Deno.test("a token that cannot be had leaves the page closed and the node measuring", async () => {
  await using node = new TestNode({ program, procedures: { metronome: {} } });
  node.configure((config) =>
    config["status_page"] = { host: "0.0.0.0", port: 0, token: { env: "IVY_TEST_NONE" } }
  );
  await using agent = await node.run().ready();
  await agent.log.until(
    /ERROR +status_page {2}there is no status page: status_page\.token: the environment variable/,
  );
  await node.untilMessages("it beats", (messages) => beatsOf(messages)[1]);
});

Deno.test({
  name: "a configuration from afar moves the page, is remembered, and leaves procedures alone",
  ignore: needs("mosquitto") !== undefined,
  async fn() {
    await using broker = await startMosquitto();
    await using observer = await observe(broker.port);
    await using page = await PageNode.start({
      program: await backendsIvy(),
      procedures: { metronome: {} },
      configure: (config) => {
        Object.assign(config.general, { config_revision: 1, system_identifier: "node-1", local_only: [] });
        const connection = {
          host: "127.0.0.1",
          port: broker.port,
          username: "node",
          password: "pass-word-1",
        };
        config["backends"] = [{ provider: "mqtt", max_drain_seconds: 1, mqtt_connection: connection }];
      },
    });
    const config = JSON.parse(await Deno.readTextFile(page.node.paths.configFile));
    config.general.config_revision = 2;
    config.status_page = { host: "localhost", port: 0 };
    const after = page.agent.log.text.length;
    await observer.publish("ivy/node-1/config/set", JSON.stringify(config), { retain: true });
    const [, port] = await page.agent.log.until(/the status page is at http:\/\/localhost:(\d+)/, { after });
    const moved = { url: `http://localhost:${port}` };
    await until("revision 2 is the current one", async () => {
      const { revisions } = (await get(moved, "/api/v1/config")).body;
      return revisions[0].revision === 2;
    });
    await page.agent.log.until(/configuration 2 is accepted/, { after, deadlineMs: 60_000 });
    config.general.config_revision = 3;
    config.procedures.metronome.seconds = "often";
    await observer.publish("ivy/node-1/config/set", JSON.stringify(config), { retain: true });
    await page.agent.log.until(/configuration 3 is rejected/, { after, deadlineMs: 60_000 });
    const { revisions } = (await get(moved, "/api/v1/config")).body;
    assertEquals(
      revisions.map(({ revision, status }: { revision: number; status: string }) => [revision, status]),
      [
        [2, "current"],
        [3, "rejected"],
      ],
    );
    assertMatch(revisions[1].reason, /metronome\.seconds: expected a number/);
    const { backends, procedures } = await page.node.status();
    assertEquals(procedures["metronome"]!.restarts, 0);
    assert(backends["mqtt"]!.last_sent_ms! > Date.now() - 60_000 && backends["mqtt"]!.rate_per_s! > 0);
  },
});
