// Runs in: benchmarks.
import { join } from "@std/path";
import { compiledIvy } from "../support/binary.ts";
import { type BenchRow, formatRow, median, printLine } from "./row.ts";

/** Main, the store and the two procedures that ship. */
const EMPTY_WORKERS = 3;
const ROUNDS = 7;
/** Python Ivy, start until every procedure runs, and memory of all its processes. */
const ANCESTOR_START_MS = 560;
const ANCESTOR_MEMORY_MB = 54;

/** A program that runs, and how long it took to say that it is ready. */
interface Running {
  process: Deno.ChildProcess;
  readyMs: number;
}

async function startUntilReady(program: string, args: string[]): Promise<Running> {
  const startMs = performance.now();
  const process = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  let text = "";
  for await (const chunk of process.stderr.values({ preventCancel: true })) {
    text += new TextDecoder().decode(chunk);
    if (/^ready|\bready: /m.test(text)) return { process, readyMs: performance.now() - startMs };
  }
  throw new Error(`${program} ended before it was ready:\n${text}`);
}

async function end({ process }: Running): Promise<void> {
  process.kill("SIGTERM");
  void process.stderr.cancel().catch(() => {});
  await process.status;
}

/** Resident memory in MB (10^6 bytes), as the kernel counts it. */
export function residentMb(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1];
  return Number(kib) * 1024 / 1_000_000;
}

/** CPU time that a process has used so far, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, in ticks of 10 ms
}

/** Start, memory and idle load of the compiled agent beside a compiled program with as many empty workers. */
async function benchRunning(
  ivy: string,
  bare: string,
  folder: string,
  idleSeconds: number,
): Promise<BenchRow[]> {
  const starts: [number[], number[]] = [[], []];
  const memory: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (
      const [index, args] of [["run", "--root", join(folder, "root")], [String(EMPTY_WORKERS)]].entries()
    ) {
      const running = await startUntilReady(index === 0 ? ivy : bare, args);
      starts[index]!.push(running.readyMs);
      await settle(running.process.pid);
      memory[index]!.push(residentMb(running.process.pid));
      await end(running);
    }
  }
  const [start, bareStart] = starts.map(median) as [number, number];
  const [resident, bareResident] = memory.map(median) as [number, number];
  const idle = await benchIdle(ivy, folder, idleSeconds);
  const limitName = `bare Deno, ${EMPTY_WORKERS} empty workers`;
  return [
    {
      name: "exec to all procedures running",
      value: start,
      unit: "ms",
      limit: bareStart,
      limitName,
      goal: "≤ 2.5 × limit",
      met: start <= 2.5 * bareStart,
    },
    {
      name: "the same beside Python Ivy's 560 ms",
      value: start,
      unit: "ms",
      goal: `≤ ${ANCESTOR_START_MS} ms`,
      met: start <= ANCESTOR_START_MS,
    },
    {
      name: `memory with both procedures (Python Ivy: ${ANCESTOR_MEMORY_MB} MB)`,
      value: resident,
      unit: "MB",
      limit: bareResident,
      limitName,
      goal: "≤ 1.25 × limit",
      met: resident <= 1.25 * bareResident,
    },
    ...idle,
  ];
}

/** Waits until a process has stopped using the CPU for half a second, 10 s at most. */
async function settle(pid: number): Promise<void> {
  let last = cpuSeconds(pid);
  for (let quiet = 0, looks = 0; quiet < 5 && looks < 100; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = cpuSeconds(pid);
    quiet = now - last < 0.02 ? quiet + 1 : 0;
    last = now;
  }
}

async function benchIdle(ivy: string, folder: string, seconds: number): Promise<BenchRow[]> {
  const root = join(folder, "idle");
  const running = await startUntilReady(ivy, ["run", "--root", root]);
  await settle(running.process.pid);
  const before = cpuSeconds(running.process.pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const percent = (cpuSeconds(running.process.pid) - before) / seconds * 100;
  const output = await new Deno.Command(ivy, { args: ["status", "--json", "--root", root] }).output();
  const status = JSON.parse(new TextDecoder().decode(output.stdout));
  await end(running);
  const heaps: [string, number][] = [["main", status.main_heap_bytes], ["store", status.store.heap_bytes]];
  for (
    const [name, { heap_bytes: bytes }] of Object.entries(status.procedures) as [
      string,
      { heap_bytes: number },
    ][]
  ) {
    heaps.push([name, bytes]);
  }
  return [
    {
      name: `idle load over ${seconds} s`,
      value: percent,
      unit: "% of one core",
      goal: "≤ 0.5 %",
      met: percent <= 0.5,
    },
    ...heaps.map(([name, bytes]) => ({ name: `heap of ${name}`, value: bytes / 1_000_000, unit: "MB" })),
  ];
}

/** `ivy help` and `ivy status` beside an empty compiled program. */
async function benchCommands(ivy: string, empty: string, folder: string): Promise<BenchRow[]> {
  const root = join(folder, "commands");
  const running = await startUntilReady(ivy, ["run", "--root", root]);
  const programs: [string, string[]][] = [[empty, []], [ivy, ["help"]], [ivy, ["status", "--root", root]]];
  const times = programs.map((): number[] => []);
  for (let round = 0; round < 15; round++) {
    for (const [index, [program, args]] of programs.entries()) {
      const startMs = performance.now();
      await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).output();
      times[index]!.push(performance.now() - startMs);
    }
  }
  await end(running);
  const [limit, help, status] = times.map(median) as [number, number, number];
  const limitName = "an empty compiled program";
  return [["ivy help", help], ["ivy status", status]].map(([name, value]) => ({
    name: name as string,
    value: value as number,
    unit: "ms",
    limit,
    limitName,
    goal: "≤ 2 × limit",
    met: (value as number) <= 2 * limit,
  }));
}

/** Every figure of the running agent. */
export async function benchAgent(idleSeconds = 60): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy_bench_agent_" });
  try {
    const ivy = await compiledIvy();
    const bare = await compiledIvy({ entry: "tests/bench/bare_agent.ts" });
    const empty = await compiledIvy({ entry: "tests/bench/bare_command.ts" });
    return [
      ...await benchRunning(ivy, bare, folder, idleSeconds),
      ...await benchCommands(ivy, empty, folder),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const row of await benchAgent(Number(Deno.args[0] ?? 60))) printLine(formatRow(row));
}
