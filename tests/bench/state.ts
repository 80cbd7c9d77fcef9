// Runs in: benchmarks.
import { join } from "@std/path";
import { StateAuthority } from "../../src/agent/state_authority.ts";
import { StateFile } from "../../src/agent/state_file.ts";
import { defaultTexts } from "../../src/shared/state_fields.ts";
import { type BenchRow, formatRow, percentile } from "./row.ts";
import { benchFields } from "./state_fields.ts";
import type { BenchResult, BenchTask } from "./state_worker.ts";

const WORKERS = 8;
const READS = 5_000_000;
const ROUNDS = 800;
const WARM_UP_ROUNDS = 100;
/** Between one update and the next bare round trip: an update alone is measured, not a burst. */
const PAUSE_MS = 4;
const CONTENTION_MS = 3000;
const COMMITS = 1000;
const SECONDS_PER_HOUR = 3600;

/** Main's authority with eight workers. */
class BenchState implements Disposable {
  readonly authority = new StateAuthority(benchFields);
  #workers: Worker[] = [];
  #echoes: MessagePort[] = [];

  async open(): Promise<this> {
    for (let index = 0; index < WORKERS; index++) {
      const worker = new Worker(import.meta.resolve("./state_worker.ts"), {
        type: "module",
        name: `w${index}`,
      });
      const { port1, port2 } = new MessageChannel();
      this.#echoes.push(port1);
      port1.onmessage = ({ data }) => port1.postMessage(data);
      const { door } = this.authority.openDoor((reason) => {
        throw new Error(reason);
      });
      const isOpen = next(worker);
      worker.postMessage({ door, echo: port2 }, [door.port, port2]);
      await isOpen;
      this.#workers.push(worker);
    }
    return this;
  }

  do(index: number, task: BenchTask): Promise<BenchResult> {
    const result = next(this.#workers[index]!);
    this.#workers[index]!.postMessage({ task });
    return result;
  }

  doAll(task: BenchTask): Promise<BenchResult[]> {
    return Promise.all(this.#workers.map((_, index) => this.do(index, task)));
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
    for (const echo of this.#echoes) echo.close();
    this.authority.close();
  }
}

function next(worker: Worker): Promise<BenchResult> {
  return new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
}

async function reading(state: BenchState): Promise<BenchRow[]> {
  await state.do(0, { kind: "read", count: READS });
  const { readNs } = await state.do(0, { kind: "read", count: READS });
  const [value, goal] = [readNs! / 1000, "≤ 1 µs"];
  return [{ name: "state: one read", value, unit: "µs", goal, met: value <= 1 }];
}

/** How long an update takes until all workers show it, beside a bare round trip at the same pace. */
async function visibility(state: BenchState): Promise<BenchRow[]> {
  const { startedMs, bareMs } = await state.do(0, { kind: "write", rounds: ROUNDS, pauseMs: PAUSE_MS });
  const seen = (await state.doAll({ kind: "seen", upTo: ROUNDS })).map(({ seenMs }) => seenMs!);
  const rounds = Array.from({ length: ROUNDS }, (_, index) => index + 1).slice(WARM_UP_ROUNDS);
  const tookMs = rounds.map((round) => Math.max(...seen.map((times) => times[round]!)) - startedMs![round]!);
  return ([["p50", 0.5, 3], ["p99", 0.99, 10]] as const).map(([name, share, factor]) => {
    const value = percentile(tookMs, share) * 1000;
    const limit = percentile(bareMs!.slice(WARM_UP_ROUNDS), share) * 1000;
    return {
      name: `state: one update until ${WORKERS} workers show it, ${name}`,
      value,
      unit: "µs",
      limit,
      limitName: "bare BroadcastChannel round trip",
      goal: `≤ ${factor} × limit`,
      met: value <= factor * limit,
    };
  });
}

async function contention(state: BenchState): Promise<BenchRow[]> {
  const rates: Record<"add_for" | "echo_for", number> = { add_for: 0, echo_for: 0 };
  for (const kind of ["echo_for", "add_for"] as const) {
    const counts = await state.doAll({ kind, durationMs: CONTENTION_MS });
    rates[kind] = counts.reduce((sum, { done }) => sum + done!, 0) / CONTENTION_MS * 1000;
  }
  return [{
    name: `state: updates of one field by ${WORKERS} workers at once, each awaited`,
    value: rates.add_for,
    unit: "/s",
    limit: rates.echo_for,
    limitName: "bare message round trips",
  }];
}

/** Commits back to back, so that the tidying up of the log is in it; one update a second makes one commit a second. */
async function wear(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy_bench_state_" });
  const file = await StateFile.open(join(folder, "state.kv"));
  try {
    const system = defaultTexts(benchFields)["system"]!;
    const beforeBytes = writtenBytes();
    const startMs = performance.now();
    for (let commit = 0; commit < COMMITS; commit++) await file.write({ system }, commit, "1.2.3");
    const commitMs = (performance.now() - startMs) / COMMITS;
    const bytes = (writtenBytes() - beforeBytes) / COMMITS;
    return [
      { name: "state: one commit of the snapshot", value: commitMs, unit: "ms" },
      {
        name: `state: written to disk at 1 update/s (${COMMITS} commits, extrapolated)`,
        value: bytes * SECONDS_PER_HOUR / 1e6,
        unit: "MB/h",
        limit: system.length * SECONDS_PER_HOUR / 1e6,
        limitName: "the field itself",
      },
    ];
  } finally {
    file.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Bytes that this process has caused to be written to disks, as the kernel counts them. */
function writtenBytes(): number {
  return Number(/^write_bytes: (\d+)/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

/** What the shared state costs and how fast it is, with eight workers. */
export async function benchState(): Promise<BenchRow[]> {
  using state = await new BenchState().open();
  return [...await reading(state), ...await visibility(state), ...await contention(state), ...await wear()];
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- to print is what it is for
  for (const row of await benchState()) console.log(formatRow(row));
}
