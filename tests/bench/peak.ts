// Runs in: benchmarks.
import type { BenchRow } from "./row.ts";

/** The most memory that a process had. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) * 1024;
}

/** Lets the peak count from now on. @returns what it was. */
export function resetPeak(pid: number): number {
  const bytes = peakBytes(pid);
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
  return bytes;
}

/** How much an update may take while it is fetched. */
export function peakRow(what: string, bytes: number): BenchRow {
  return {
    name: `peak memory during ${what}, above before`,
    value: Math.max(0, bytes) / 1e6,
    unit: "MB",
    goal: "≤ 40 MB",
    met: bytes <= 40e6,
  };
}
