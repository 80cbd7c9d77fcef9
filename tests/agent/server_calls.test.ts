// Runs in: tests.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { BackendEntry } from "../../src/agent/backend_host.ts";
import type { ProcedureHost } from "../../src/agent/procedure_host.ts";
import { ServerCalls } from "../../src/agent/server_calls.ts";
import type { AgentStatus } from "../../src/agent/status.ts";
import { createLogger } from "../../src/shared/logger.ts";

const VALVE_SCHEMA = { type: "object" };

/** Calls on a node with the procedures "pump" and "lamp", and what they did. */
function bench({ rebootCommand, failure }: { rebootCommand?: string[]; failure?: string } = {}) {
  const done: unknown[] = [];
  const log: string[] = [];
  const host = (name: string, methods: Record<string, unknown>) =>
    ({
      name,
      methods,
      call: (method: string, params: unknown) => Promise.resolve(done.push([name, method, params])),
    }) as unknown as ProcedureHost;
  const calls = new ServerCalls({
    procedures: () => [host("pump", { set_valve: VALVE_SCHEMA }), host("lamp", { set_valve: {}, blink: {} })],
    status: () => Promise.resolve({ pid: 7 } as AgentStatus),
    restart: () => done.push("restarted"),
    restartProcedure: ({ name }) => Promise.resolve(void done.push(`restarted ${name}`)),
    runTests: () => Promise.resolve(failure),
    rebootCommand,
    logger: createLogger("agent", ({ subject }) => log.push(subject)),
  });
  const call = (method: string, params: unknown, allow: unknown = [method]) => {
    const entry: BackendEntry = {
      name: "far",
      provider: "x",
      index: 0,
      mayConfigure: true,
      settings: { rpc: { allow } },
    };
    return calls.call(entry, method, params);
  };
  return { call, done, log };
}

Deno.test("a server may call what rpc.allow names, and each call is one line of the log", async () => {
  const { call, done, log } = bench();
  assertEquals(await call("status", null), { pid: 7 });
  assertEquals(await call("restart", null), { restarting: true });
  assertEquals(await call("restart_procedure", { name: "lamp" }), { restarted: "lamp" });
  assertEquals(typeof (await call("ping", null) as { time: number }).time, "number");
  await call("set_valve", { open: true });
  assertEquals(done, ["restarted", "restarted lamp", ["pump", "set_valve", { open: true }]]);
  assertEquals(
    log,
    ["status", "restart", "restart_procedure", "ping", "set_valve"].map((name) => `far calls ${name}`),
  );
});

Deno.test("what rpc.allow does not name, or nobody offers, is refused and done by nobody", async () => {
  const { call, done, log } = bench();
  const refused = "this method is not allowed on this node";
  await assertRejects(() => call("restart", null, ["status"]), Error, refused);
  await assertRejects(() => call("run_command", { command: "ls" }), Error, refused);
  await assertRejects(() => call("reboot", null), Error, refused);
  for (const allow of [undefined, "restart", { restart: true }, [null, 5]]) {
    await assertRejects(() => call("restart", null, allow ?? []), Error, refused);
  }
  assertEquals([done, log], [[], []]);
});

Deno.test("list names what this server may call, with the parameters of procedures' own methods", async () => {
  const { call } = bench();
  assertEquals(await call("list", null, ["list", "set_valve", "ping", "none"]), {
    methods: [{ name: "list" }, { name: "ping" }, { name: "set_valve", params: VALVE_SCHEMA }],
    procedures: ["pump", "lamp"],
  });
});

Deno.test("restart_procedure without a name that there is says which there are", async () => {
  const { call, done } = bench();
  for (const params of [null, {}, { name: "plump" }, "pump"]) {
    await assertRejects(() => call("restart_procedure", params), Error, "of a procedure: pump, lamp");
  }
  assertEquals(done, []);
});

Deno.test("run_tests tells whether the tests passed, or what failed", async () => {
  assertEquals(await bench().call("run_tests", null), { passed: true });
  assertEquals(await bench({ failure: "no disk" }).call("run_tests", null), {
    passed: false,
    failure: "no disk",
  });
});

Deno.test("reboot runs what the installation provides, and tells when that fails", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ivy-reboot-" });
  try {
    const mark = join(folder, "rebooted");
    assertEquals(await bench({ rebootCommand: ["touch", mark] }).call("reboot", null), { rebooting: true });
    assertEquals((await Deno.stat(mark)).isFile, true);
    const { call } = bench({ rebootCommand: ["ls", join(folder, "none")] });
    const error = await assertRejects(() => call("reboot", null), Error);
    assertMatch(error.message, /^the machine was not restarted: .*none/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
