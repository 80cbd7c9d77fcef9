// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { valuesOf } from "../support/messages.ts";
import { needs } from "../support/needs.ts";
import { TestNode } from "../support/node.ts";
import { backendsIvy } from "../support/program.ts";
import { startThingsboard } from "../support/thingsboard_server.ts";

const ignore = needs("mosquitto") !== undefined;
const ALLOWED = [
  "list",
  "ping",
  "status",
  "restart",
  "restart_procedure",
  "run_tests",
  "set_valve",
  "break_valve",
  "reboot",
];

Deno.test({
  name: "a ThingsBoard server calls what rpc.allow names, of the agent and of procedures",
  ignore,
  async fn(t) {
    await using server = await startThingsboard({ sessionLimits: {} });
    await using node = new TestNode({
      program: await backendsIvy(),
      procedures: { metronome: {}, has_valve: {} },
    });
    const rebooted = join(node.root, "rebooted");
    const env = { IVY_REBOOT_COMMAND: `touch ${rebooted}` };
    node.configure((config) => {
      config.backends = [{
        provider: "thingsboard",
        mqtt_connection: { host: "127.0.0.1", port: server.broker.port, username: "token-12345" },
        rpc: { allow: ALLOWED },
      }] as never;
    });
    await using agent = await node.run().ready();
    await agent.log.until(/thingsboard {2}connected to/);
    const { call } = server;

    await t.step("list", async () => {
      const { methods, procedures } = await call("list") as {
        methods: { name: string; params?: unknown }[];
        procedures: string[];
      };
      assertEquals(procedures, ["metronome", "has_valve"]);
      assertEquals(
        methods.map(({ name }) => name),
        ALLOWED.filter((name) => name !== "reboot").sort(),
        "reboot is not there",
      );
      assertEquals(methods.find(({ name }) => name === "set_valve")!.params, {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: { open: { type: "boolean" } },
        required: ["open"],
        additionalProperties: false,
      });
    });

    await t.step("ping and status", async () => {
      const { time } = await call("ping") as { time: number };
      assert(Math.abs(time - Date.now() / 1000) < 5);
      const status = await call("status") as {
        ready: boolean;
        backends: Record<string, { connected: boolean }>;
      };
      assertEquals([status.ready, status.backends["thingsboard"]!.connected], [true, true]);
      assert(!JSON.stringify(status).includes("token-12345"));
    });

    await t.step("a procedure's own method", async () => {
      assertEquals(await call("set_valve", { open: true }), { open: true, closes_after_seconds: 60 });
      await node.untilMessages("the valve", (messages) => valuesOf(messages, "valve_open")[0]);
      assertEquals(await call("set_valve", { open: "yes", now: 1 }), {
        error: 'params.open: expected true or false, got "yes"; params: unknown key "now"',
      });
      assertEquals(await call("break_valve", null), { error: "the valve is stuck, because too much torque" });
    });

    await t.step("restart_procedure", async () => {
      assertEquals(await call("restart_procedure", { name: "metronome" }), { restarted: "metronome" });
      assertMatch(
        JSON.stringify(await call("restart_procedure", { name: "nobody" })),
        /expected .* of a procedure: metronome, has_valve/,
      );
    });

    await t.step("run_tests", async () => assertEquals(await call("run_tests"), { passed: true }));

    await t.step("reboot does not exist where the installation has not provided it", async () => {
      assertEquals(await call("reboot"), { error: "this method is not allowed on this node" });
    });

    await t.step("restart: a fresh agent with the same PID", async () => {
      const after = agent.log.text.length;
      assertEquals(await call("restart"), { restarting: true });
      await agent.log.until(/Ivy \S+ starts/, { after });
      await agent.log.until(/thingsboard {2}connected to/, { after });
    });

    await t.step("reboot where it is provided", async () => {
      await agent.stop();
      await using next = new TestNode({ program: await backendsIvy(), procedures: { has_valve: {} }, env });
      next.writeConfig(await Deno.readTextFile(node.paths.configFile));
      await using other = await next.run().ready();
      await other.log.until(/thingsboard {2}connected to/);
      assertEquals(await call("reboot"), { rebooting: true });
      assert(Deno.statSync(rebooted).isFile);
      await other.stop();
    });
  },
});
