// Runs in: tests, main thread.
import { procedures as shipped } from "../../procedures/registry.ts";
import { type Parts, shippedParts } from "../../src/agent/agent.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { version } from "../../src/shared/version.ts";
import { testProcedures } from "./registry.ts";

/** Ivy whose version 4.5.6 misbehaves as `IVY_TEST_BAD` says, once it is more than a test. */
const parts: Parts = { ...shippedParts, procedures: { ...shipped, ...testProcedures } };
const [mode, argument] = (Deno.env.get("IVY_TEST_BAD") ?? "").split(":");
const isTaken = version === "4.5.6" && Deno.args.includes("run");

if (isTaken && mode === "exit") Deno.exit(Number(argument));
if (isTaken && mode === "hang") { for (;;) await new Promise((resolve) => setTimeout(resolve, 1000)); }
if (isTaken && mode === "crash_after") setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), Number(argument));
if (isTaken && mode === "eat") {
  const eaten: Uint8Array[] = [];
  setInterval(() => eaten.push(new Uint8Array(50_000_000).fill(1)), 20);
}

Deno.exit(await runCommandLine(Deno.args, { parts }));
