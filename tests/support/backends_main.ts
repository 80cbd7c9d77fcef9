// Runs in: tests, main thread.
import { procedures as shipped } from "../../procedures/registry.ts";
import { type Parts, shippedParts } from "../../src/agent/parts.ts";
import { backends } from "../../src/backends/registry.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { testProcedures } from "./registry.ts";

/** Ivy with procedures that misbehave, a plain MQTT backend that reconnects at once, and little patience. */
const parts: Parts = {
  ...shippedParts,
  procedures: { ...shipped, ...testProcedures },
  backends: {
    ...backends,
    doors: { ...backends["mqtt"]!, module: import.meta.resolve("./backends/doors.ts") },
    mqtt: { ...backends["mqtt"]!, module: import.meta.resolve("./backends/fast_mqtt.ts") },
  },
  configWatchMs: Number(Deno.env.get("IVY_TEST_WATCH_MS") ?? 3000),
};

Deno.exit(await runCommandLine(Deno.args, { parts }));
