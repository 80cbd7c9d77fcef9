// Runs in: tests, main thread.
import { dirname } from "@std/path";
import { type Parts, shippedParts } from "../../src/agent/parts.ts";
import { backends } from "../../src/backends/registry.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import type { ProcedureRegistry } from "../../src/shared/registry.ts";

const witness: ProcedureRegistry[string] = {
  module: import.meta.resolve("./witness.ts"),
  permissions: ({ orders }) => ({ read: [dirname(`${orders}`)] }),
  watchdogSeconds: 2,
  memoryLimitMb: 64,
};
const modules: Record<string, string> = {
  mqtt: import.meta.resolve("../support/backends/fast_mqtt.ts"),
  http: import.meta.resolve("../support/backends/fast_http.ts"),
  tenta: import.meta.resolve("../support/backends/fast_tenta.ts"),
  thingsboard: import.meta.resolve("../support/backends/fast_thingsboard.ts"),
};

/** Ivy with witnesses, backends that reconnect at once, a store that fails when it is told to, and little patience. */
const parts: Parts = {
  ...shippedParts,
  procedures: { witness_1: witness, witness_2: witness, witness_3: witness },
  backends: Object.fromEntries(
    Object.entries(backends).map(([name, line]) => [name, { ...line, module: modules[name] ?? line.module }]),
  ),
  storeModule: import.meta.resolve("../support/stores/command_store.ts"),
  storeWatchdogMs: 4000,
  stopGraceMs: 4000,
  configWatchMs: 2000,
};

Deno.exit(await runCommandLine(Deno.args, { parts }));
