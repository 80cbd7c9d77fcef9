// Runs in: tests, main thread.
import { procedures as shipped } from "../../procedures/registry.ts";
import { type Parts, shippedParts } from "../../src/agent/parts.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { testProcedures } from "./registry.ts";

/** Ivy with procedures that misbehave; the environment says which store it has and how patient it is. */
const stores: Record<string, string> = {
  command: import.meta.resolve("./stores/command_store.ts"),
  doors: import.meta.resolve("./stores/doors_store.ts"),
};
const store = Deno.env.get("IVY_TEST_STORE");
const stopGraceMs = Deno.env.get("IVY_TEST_STOP_GRACE_MS");
const parts: Parts = {
  ...shippedParts,
  procedures: { ...shipped, ...testProcedures },
  ...(store === undefined ? {} : {
    storeModule: stores[store]!,
    storeWatchdogMs: Number(Deno.env.get("IVY_TEST_STORE_WATCHDOG_MS") ?? 2500),
  }),
  ...(stopGraceMs === undefined ? {} : { stopGraceMs: Number(stopGraceMs) }),
};

Deno.exit(await runCommandLine(Deno.args, { parts }));
