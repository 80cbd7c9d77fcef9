// Runs in: benchmarks.

/** One figure of a benchmark, beside its limit from the same run. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  /** What the same machine could do at best, measured in the same run, in the same unit. */
  limit?: number;
  /** What the limit is. */
  limitName?: string;
  /** What we want, in words, for example `≤ 1.5 × limit`. */
  goal?: string;
  /** Whether the goal was met; undefined where there is none. */
  met?: boolean;
}

/** Median of samples. */
export function median(samples: number[]): number {
  return percentile(samples, 0.5);
}

/** @param share 0.99 for the 99th percentile. */
export function percentile(samples: number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** A row as one line of text. */
export function formatRow({ name, value, unit, limit, limitName, goal, met }: BenchRow): string {
  const mark = met === undefined ? " " : met ? "✓" : "✗";
  const number = (x: number) =>
    x >= 1000 ? Math.round(x).toLocaleString("en") : Number(x.toPrecision(3)).toString();
  const beside = limit === undefined
    ? ""
    : `  ${limitName}: ${number(limit)} ${unit}, ratio ${number(value / limit)}`;
  return `${mark} ${name}: ${number(value)} ${unit}${beside}${goal === undefined ? "" : `  (goal ${goal})`}`;
}

/** What the processor calls itself. */
export function cpuModel(): string {
  try {
    return /model name\s*:\s*(.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? "unknown processor";
  } catch {
    return "unknown processor";
  }
}

/** A line on stdout. */
export function printLine(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
