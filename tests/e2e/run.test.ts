// Runs in: tests.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { version } from "../../src/shared/version.ts";
import { exists } from "../../src/agent/paths.ts";
import { logsOf, valuesOf } from "../support/messages.ts";
import { TestNode } from "../support/node.ts";
import { misbehavingIvy, shippedIvy } from "../support/program.ts";
import { assertQuick } from "../support/quick.ts";
import { assertNoIdMissing } from "../support/steady.ts";

Deno.test("ivy run in an empty folder lays a node out, measures this machine, answers and stops", async (t) => {
  await using node = new TestNode();
  await using agent = await node.run("--messages").ready();
  const { paths } = node;

  await t.step("it says what it created, and where things are", () => {
    assertStringIncludes(agent.log.text, `ivy: created ${paths.data}`);
    assertStringIncludes(agent.log.text, `ivy: created ${paths.configFile} from the template`);
    assertStringIncludes(agent.log.text, `Messages: ${paths.messages}  Log: ${paths.logs}`);
    assertEquals(Deno.readLinkSync(paths.current), version);
  });

  await t.step("real values are printed as they are stored", async () => {
    const [line] = await agent.output.until(/#\d+ system_checks {2}.*load_1m=.*/);
    assertMatch(
      line,
      /memory_total_mb=\d.* disk_free_mb=\d.* uptime_seconds=\d.* boot_time=\d.* agent_rss_mb=\d/,
    );
    const [load] = valuesOf(node.messages(), "load_1m") as number[];
    const now = Number(Deno.readTextFileSync("/proc/loadavg").split(" ")[0]);
    assert(Math.abs(load! - now) < 2, `the load is ${now}, measured was ${load}`);
    const [total] = valuesOf(node.messages(), "memory_total_mb") as number[];
    const kilobytes = Number(/MemTotal: +(\d+)/.exec(Deno.readTextFileSync("/proc/meminfo"))![1]);
    assertEquals(Math.round(total!), Math.round(kilobytes * 1024 / 1e6));
  });

  await t.step("its page is for this machine alone; where another has the port, it says so", async () => {
    const [line] = await agent.log.until(/status_page {2}the status page .*/);
    assertMatch(line, /is at http:\/\/127\.0\.0\.1:8420$|cannot be served on 127\.0\.0\.1 port 8420: /);
  });

  await t.step("only its user may read the configuration and open the socket", () => {
    assertEquals(Deno.statSync(paths.configFile).mode! & 0o777, 0o600);
    assertEquals(Deno.lstatSync(paths.socket).mode! & 0o777, 0o600);
  });

  await t.step("a line of the daily file has the documented form", () => {
    const day = new Date().toISOString().slice(0, 10);
    const [first] = Deno.readTextFileSync(`${paths.messages}/${day}.jsonl`).split("\n");
    assertMatch(
      first!,
      /^\{"id":\d+,"timestamp":\d{10}(\.\d{1,3})?,"message_body":\{"variant":"\w+",.*\}\}$/,
    );
    const startup = node.messages().find(({ message_body: body }) => body.variant === "config")!;
    assertEquals(startup.message_body.variant === "config" && startup.message_body.status, "startup");
  });

  await t.step("ivy status tells all there is to know, for people", async () => {
    const { code, stdout } = await node.ivy("status");
    assertEquals(code, 0);
    assertMatch(
      stdout,
      new RegExp(`^well  my-system-1, Ivy ${version}, configuration -1, PID ${agent.pid}, up `),
    );
    assertMatch(stdout, /WORKER +STATE +RESTARTS +HEARTBEAT +HEAP +LAST ERROR/);
    assertMatch(stdout, /system_checks +running +0 +\d+ s ago +[\d.]+ MB/);
    assertMatch(stdout, /store +running +0/);
    assertMatch(stdout, /messages: \d+ stored, \d+ waiting, 0 refused, [\d.]+ [GMT]B free/);
  });

  await t.step("and for programs", async () => {
    const status = await node.status();
    const { procedures, store } = status;
    assertEquals(
      Object.keys(status).sort(),
      [
        "backends",
        "clock",
        "config_damage",
        "config_revision",
        "disk",
        "main_heap_bytes",
        "pid",
        "probation",
        "procedures",
        "ready",
        "root",
        "rss_bytes",
        "running",
        "software_version",
        "started_ms",
        "store",
        "system_identifier",
        "update",
        "update_warning",
        "uptime_seconds",
        "verdict",
        "versions",
      ],
    );
    assertEquals(Object.keys(procedures).sort(), ["random_walk", "system_checks"]);
    assertEquals(
      Object.keys(procedures["random_walk"]!).sort(),
      [
        "heap_bytes",
        "invalid_messages",
        "last_error",
        "lock",
        "restarts",
        "seconds_since_heartbeat",
        "state",
      ],
    );
    assertEquals([status.running, status.ready, status.pid, status.root], [true, true, agent.pid, node.root]);
    assert(procedures["random_walk"]!.heap_bytes > 1_000_000);
    assertEquals(store.messages!.stored.data >= 1, true);
    assertEquals(store.messages!.refused, 0);
    for (const key of ["last_id", "stored", "waiting", "refused", "database_bytes", "free_bytes"]) {
      assert(key in store.messages!, key);
    }
  });

  await t.step("a second agent refuses with the PID, and status 75", async () => {
    const { code, stderr } = await node.ivy("run");
    assertEquals(code, 75);
    assertEquals(
      stderr,
      `ivy: Ivy runs already on ${node.root} (PID ${agent.pid}); stop it with: ivy stop --root ${node.root}\n`,
    );
  });

  await t.step("ivy info and ivy init know that it runs, and init changes nothing", async () => {
    assertEquals(JSON.parse((await node.ivy("info", "--json")).stdout).running_pid, agent.pid);
    const before = Deno.readTextFileSync(paths.configFile);
    const init = await node.ivy("init");
    assertEquals(init.code, 0);
    assertStringIncludes(init.stdout, `(PID ${agent.pid}); nothing was changed`);
    assertEquals(Deno.readTextFileSync(paths.configFile), before);
    assertEquals(Deno.readTextFileSync(paths.lockFile), `${agent.pid}\n`);
  });

  await t.step("ivy stop ends it in under a second, and waits for that", async () => {
    const { tookMs: lookMs } = await node.ivy("status");
    const { code, stdout, tookMs } = await node.ivy("stop");
    assertEquals([code, stdout], [0, `Ivy has stopped (PID ${agent.pid})\n`]);
    assertQuick(tookMs, lookMs);
    assertEquals(await agent.ended(), { code: 0, signal: null });
    assertEquals(exists(paths.socket), false);
    assertNoIdMissing(node.messages());
  });

  await t.step("afterwards status says so with 3, and stop is content", async () => {
    const status = await node.ivy("status");
    assertEquals([status.code, status.stdout], [
      3,
      `Ivy does not run on ${node.root}; start it with: ivy start --root ${node.root}\n`,
    ]);
    assertEquals(JSON.parse((await node.ivy("status", "--json")).stdout), {
      running: false,
      root: node.root,
    });
    const stop = await node.ivy("stop");
    assertEquals([stop.code, stop.stdout], [0, `Ivy does not run on ${node.root}\n`]);
    assertEquals((await node.ivy("info")).code, 0);
  });
});

Deno.test("Ctrl-C ends the agent in order; a second signal ends one that hangs at once", async () => {
  const program = await misbehavingIvy();
  await using node = new TestNode({
    program,
    procedures: { ignores_teardown: { teardown_hangs: true } },
    env: { IVY_TEST_STOP_GRACE_MS: "5000" },
  });
  await using agent = await node.run().ready();
  agent.signal("SIGINT");
  await agent.log.until(/ivy: SIGINT: ending; once more ends at once/);
  agent.signal("SIGINT"); // a terminal and a task runner may both pass one Ctrl-C on
  await agent.log.until(/closing the valve/);
  const startMs = performance.now();
  agent.signal("SIGTERM");
  const { signal } = await agent.ended();
  assertEquals(signal, "SIGKILL");
  assert(performance.now() - startMs < 1000);
  const counts = valuesOf(node.messages(), "unstoppable") as number[];
  assertEquals(counts, counts.map((_, index) => index + 1));
});

Deno.test("what a crash leaves (PID, socket, file without its end) does not keep the agent from starting", async () => {
  await using node = new TestNode({
    procedures: { random_walk: { seconds_between_datapoints: 0.05 } },
    covered: true,
  });
  await using first = await node.run().ready();
  await node.untilMessages("3 measurements", (messages) => valuesOf(messages, "random_value")[2]);
  await first.kill();
  const before = node.messages();
  assertEquals(Deno.readTextFileSync(node.paths.lockFile), `${first.pid}\n`);
  assert(exists(node.paths.socket));
  assertEquals((await node.ivy("status")).code, 3);
  assertEquals((await node.ivy("stop")).code, 0);

  await using second = await node.run().ready();
  assertEquals((await node.status()).pid, second.pid);
  assertEquals((await second.stop()).code, 0);
  const after = node.messages();
  assertEquals(after.slice(0, before.length), before);
  assertNoIdMissing(after);
});

Deno.test("the log of a run goes to the console, the daily file and the messages, each from its own level on", async () => {
  await using node = new TestNode({ procedures: {} });
  node.configure((config) => {
    config.logging_verbosity = { file_archive: "INFO", console_prints: "ERROR", message_sending: "INFO" };
  });
  await using agent = node.run();
  await node.untilMessages(
    "the start",
    (messages) => logsOf(messages).find((line) => / ready: 0 /.test(line)),
  );
  assertEquals((await agent.stop()).code, 0);
  assertEquals(agent.log.text.match(/INFO/g), null, agent.log.text);
  assertMatch(node.logText(), /INFO +agent {2}ready: 0 procedures/);
  assert(logsOf(node.messages()).includes("INFO agent: stopping: SIGTERM"), `${logsOf(node.messages())}`);
});

Deno.test("whatever the mask it was started with, others cannot write what a node keeps", async () => {
  await using node = new TestNode({ program: ["sh", "-c", `umask 0; exec "$0" "$@"`, ...shippedIvy()] });
  await using agent = await node.run().ready();
  await node.untilMessages("a measurement", (messages) => messages.length > 1 || undefined);
  assertEquals((await agent.stop()).code, 0);
  const find = new Deno.Command("find", { args: [node.root, "-perm", "/022", "!", "-type", "l"] });
  assertEquals(new TextDecoder().decode((await find.output()).stdout), "");
});
