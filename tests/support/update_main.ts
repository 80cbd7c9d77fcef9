// Runs in: tests, main thread.
import { procedures as shipped } from "../../procedures/registry.ts";
import { type Parts, shippedParts } from "../../src/agent/parts.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { version } from "../../src/shared/version.ts";
import { testProcedures } from "./registry.ts";

/** Ivy whose version 4.5.6 misbehaves as `IVY_TEST_BAD` says, once it is more than a test. */
const [mode, argument] = (Deno.env.get("IVY_TEST_BAD") ?? "").split(":");
const isBad = version === "4.5.6" && Deno.args.includes("run");
const eaten: Uint8Array[] = [];
const parts: Parts = {
  ...shippedParts,
  procedures: { ...shipped, ...testProcedures },
  reachLimitMs: 1000,
  hangSeconds: 8,
  releasePace: { stallMs: 1000, retryMs: 1, attempts: 3 },
};

if (isBad && mode === "exit") Deno.exit(Number(argument));
if (isBad && mode === "hang") { for (;;) await new Promise((resolve) => setTimeout(resolve, 1000)); }
if (isBad && mode === "crash_after") setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), Number(argument));
if (isBad && mode === "spin_after") {
  setTimeout(() => {
    for (;;);
  }, Number(argument));
}
if (isBad && mode === "eat") setInterval(() => eaten.push(new Uint8Array(20_000_000).fill(1)), 50);
if (isBad && mode === "procedure") parts.procedures["metronome"] = testProcedures["throws_on_loading"]!;

Deno.exit(await runCommandLine(Deno.args, { parts }));
