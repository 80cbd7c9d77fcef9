// Runs in: benchmarks.
import { join } from "@std/path";
import { formatEntry } from "../../src/agent/log_format.ts";
import { shippedIvy } from "../support/program.ts";
import { type BenchRow, median } from "./row.ts";

/** A log day of one gigabyte. */
const DAY_BYTES = 1_000_000_000;
const DAY = "2026-11-22";
const START_MS = Date.parse(DAY);
const DAY_MS = 86_400_000;
const GOAL_S = 0.5;
const ROUNDS = 5;

/** One entry in 100,000 is a warning, and the last but one an error: the rarer, the longer it takes to find. */
function writeDay(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const encoder = new TextEncoder();
  const count = Math.floor(DAY_BYTES / 120);
  for (let done = 0; done < count;) {
    const entries: string[] = [];
    for (let i = 0; i < 20_000 && done < count; i++, done++) {
      const level = done === count - 2 ? "ERROR" : done % 100_000 === 99_999 ? "WARNING" : "DEBUG";
      const origin = done % 7 === 0 ? "system_checks" : "random_walk";
      const subject = `value ${done} and some more words, so that a line has the usual length of a line`;
      const timeMs = START_MS + Math.floor(done * DAY_MS / count);
      entries.push(formatEntry({ timeMs, level, origin, subject, details: "" }));
    }
    file.writeSync(encoder.encode(entries.join("")));
  }
}

/** Seconds until a command prints its first line, and until it ends. */
async function timed(command: string[]): Promise<{ first: number; all: number }> {
  const startMs = performance.now();
  const [program, ...args] = command as [string, ...string[]];
  await using child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
  let first = NaN;
  for await (const _chunk of child.stdout) {
    if (Number.isNaN(first)) first = (performance.now() - startMs) / 1000;
  }
  await child.status;
  return { first, all: (performance.now() - startMs) / 1000 };
}

async function medians(command: string[]): Promise<{ first: number; all: number }> {
  const runs: { first: number; all: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(await timed(command));
  return { first: median(runs.map(({ first }) => first)), all: median(runs.map(({ all }) => all)) };
}

/** `ivy logs` on a day of one gigabyte that the kernel has in memory, beside grep on the same file. */
export async function benchLogs(): Promise<BenchRow[]> {
  const root = await Deno.makeTempDir({ prefix: "ivy_bench_logs_" });
  const ivy = shippedIvy(); // from source: the pinned version of Deno decodes text faster than 2.4
  try {
    const file = join(root, "data", "logs", `${DAY}.log`);
    await Deno.mkdir(join(root, "data", "logs"), { recursive: true });
    writeDay(file);
    const logs = (...flags: string[]) => medians([...ivy, "logs", "--root", root, ...flags]);
    const grep = (pattern: string) => medians(["grep", "-E", pattern, file]);
    const cases = [
      { name: "all lines", logs: await logs(), grep: undefined },
      {
        name: "--level WARNING",
        logs: await logs("--level", "WARNING"),
        grep: await grep("Z (WARNING|ERROR|EXCEPTION) "),
      },
      {
        name: "--level ERROR, one line at the end",
        logs: await logs("--level", "ERROR"),
        grep: await grep("Z (ERROR|EXCEPTION) "),
      },
      {
        name: "--since, the last minute",
        logs: await logs("--since", `${DAY}T23:59`),
        grep: await grep(`^${DAY}T23:59`),
      },
    ];
    return cases.flatMap(({ name, logs, grep }): BenchRow[] => [
      {
        name: `first line of 1 GB, ${name}`,
        value: logs.first,
        unit: "s",
        ...(grep === undefined ? {} : { limit: grep.first, limitName: "grep" }),
        goal: `≤ ${GOAL_S} s`,
        met: logs.first <= GOAL_S,
      },
      ...(grep === undefined
        ? []
        : [{ name: `all of them`, value: logs.all, unit: "s", limit: grep.all, limitName: "grep" }]),
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
