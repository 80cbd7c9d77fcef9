// Runs in: benchmarks.
import { cpuModel, formatRow, printLine } from "./row.ts";
import type { BenchRow } from "./row.ts";

/** Each part of the benchmarks; a word on the command line chooses those that begin with it. */
const PARTS: Record<string, () => Promise<BenchRow[]>> = {
  agent: async () => await (await import("./agent.ts")).benchAgent(),
  store: async () => await (await import("./store.ts")).benchStore(),
  state: async () => await (await import("./state.ts")).benchState(),
  drain: async () => await (await import("./drain.ts")).benchDrain(),
  fleet: async () => await (await import("./fleet.ts")).benchFleet(),
  export: async () => await (await import("./export.ts")).benchExport(),
  logs: async () => await (await import("./logs.ts")).benchLogs(),
  update: async () => await (await import("./update.ts")).benchUpdate(),
  page: async () => await (await import("./page.ts")).benchPage(),
  page_browser: async () => await (await import("./page_browser.ts")).benchPageBrowser(),
  wear: async () => await (await import("./wear.ts")).benchWear(),
};

const wanted = Deno.args.length === 0 ? [""] : Deno.args;
printLine(`${cpuModel()}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}`);
for (const [name, bench] of Object.entries(PARTS)) {
  if (!wanted.some((word) => name.startsWith(word))) continue;
  printLine(`\n${name}`);
  for (const row of await bench()) printLine(formatRow(row));
}
