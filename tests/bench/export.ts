// Runs in: benchmarks.
import { join } from "@std/path";
import { compiledIvy } from "../support/binary.ts";
import type { BenchRow } from "./row.ts";

/** A tenth of what the goal names: memory that is flat over one million is flat over ten. */
const MESSAGES = 1_000_000;
const PER_DAY = 100_000;

/** Largest resident memory of a command, in MB, and how long it took. */
async function peakMb(program: string, args: string[]): Promise<{ mb: number; seconds: number }> {
  const startMs = performance.now();
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let kib = 0;
  const timer = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`));
      kib = Math.max(kib, Number(found?.[1] ?? 0));
    } catch { /* it has ended */ }
  }, 20);
  await child.status;
  clearInterval(timer);
  return { mb: kib * 1024 / 1_000_000, seconds: (performance.now() - startMs) / 1000 };
}

async function writeDays(folder: string, count: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let done = 0, day = 0; done < count; done += PER_DAY, day++) {
    const startS = Date.UTC(2026, 0, 1 + day) / 1000;
    const lines = Array.from(
      { length: Math.min(PER_DAY, count) },
      (_, i) =>
        `{"id":${done + i + 1},"timestamp":${
          startS + i * 0.5
        },"message_body":{"variant":"data","data":{"co2":${400 + i % 50},"t":21.5}}}\n`,
    );
    const name = new Date(startS * 1000).toISOString().slice(0, 10);
    await Deno.writeTextFile(join(folder, `${name}.jsonl`), lines.join(""));
  }
}

/** Memory of an export of many messages beside one of few. */
export async function benchExport(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy_bench_export_" });
  try {
    const ivy = await compiledIvy();
    const peaks: number[] = [];
    let seconds = 0;
    for (const [name, count] of [["empty", 0], ["few", MESSAGES / 10], ["many", MESSAGES]] as const) {
      const root = join(folder, name);
      await new Deno.Command(ivy, { args: ["init", "--root", root], stdout: "null", stderr: "null" })
        .output();
      await writeDays(join(root, "data", "messages"), count);
      const found = await peakMb(ivy, [
        "messages",
        "export",
        "--format",
        "csv",
        "--root",
        root,
        "-o",
        join(folder, "x.csv"),
      ]);
      peaks.push(found.mb);
      seconds = found.seconds;
    }
    const [empty, few, many] = peaks as [number, number, number];
    return [
      {
        name: `memory of an export of ${MESSAGES.toLocaleString("en")} messages`,
        value: many,
        unit: "MB",
        limit: few,
        limitName: "of a tenth as many",
        goal: "≤ limit + 30 MB",
        met: many <= few + 30,
      },
      {
        name: "the same",
        value: many,
        unit: "MB",
        limit: empty,
        limitName: "of none",
        goal: "≤ limit + 30 MB",
        met: many <= empty + 30,
      },
      {
        name: "messages exported as CSV, read twice to find the keys",
        value: MESSAGES / seconds,
        unit: "messages/s",
      },
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
