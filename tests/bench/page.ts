// Runs in: benchmarks.
import { EventStream } from "../support/event_stream.ts";
import { manyKeys, measureDay } from "../support/measured_day.ts";
import { PageNode } from "../support/page_node.ts";
import { misbehavingIvy } from "../support/program.ts";
import { TestStore } from "../support/test_store.ts";
import { type BenchRow, median } from "./row.ts";

const KEYS = 20;
const TABS = 10;
/** How long the load is watched, in milliseconds. */
const WATCH_MS = 30_000;

/** What the status page costs, with 24 hours at one message a second of {@link KEYS} keys behind it. */
export async function benchPage(): Promise<BenchRow[]> {
  await using page = await PageNode.start({
    program: await misbehavingIvy(),
    procedures: { measures_much: { keys: KEYS, seconds: 1 } },
    before: async ({ paths }) => await measureDay(paths.data, { keys: KEYS, nowMs: Date.now() }),
  });
  return [
    ...await benchAnswers(page),
    ...await benchCommits(),
    ...await benchTabs(page),
  ];
}

async function benchAnswers({ url }: PageNode): Promise<BenchRow[]> {
  const series = () => took(`${url}/api/v1/series`);
  const firstMs = await series();
  const laterMs = median(await repeat(series, 20));
  const metricsMs = median(await repeat(() => took(`${url}/metrics`), 100));
  const healthMs = median(await repeat(() => took(`${url}/healthz`), 100));
  const day = `24 h × ${KEYS} keys`;
  return [
    {
      name: `charts right after the start, ${day}`,
      value: firstMs,
      unit: "ms",
      goal: "≤ 1 s",
      met: firstMs <= 1000,
    },
    { name: `charts from then on, ${day}`, value: laterMs, unit: "ms" },
    {
      name: "/metrics",
      value: metricsMs,
      unit: "ms",
      limit: healthMs,
      limitName: "/healthz",
      goal: "≤ 5 ms",
      met: metricsMs <= 5,
    },
  ];
}

/** How long a message waits for its commit while the store reads a day for the charts. */
async function benchCommits(): Promise<BenchRow[]> {
  const directory = Deno.makeTempDirSync({ prefix: "ivy-bench-page-" });
  const nowMs = Date.now();
  await measureDay(directory, { keys: KEYS, nowMs });
  await using test = new TestStore({ directory });
  test.nowMs = nowMs;
  await (await test.open()).store.settled(); // yesterday is compressed
  const send = async () => {
    const startMs = performance.now();
    await test.sendBody("data", manyKeys(KEYS, 0));
    return performance.now() - startMs;
  };
  const alone = Math.max(...await repeat(send, 50));
  let isRead = false;
  const reading = test.store.series({ keys: null, fromMs: null, toMs: null, points: null }).then(() =>
    isRead = true
  );
  let worst = 0;
  while (!isRead) worst = Math.max(worst, await send());
  await reading;
  return [{
    name: "longest commit while a day is read for the charts",
    value: worst,
    unit: "ms",
    limit: alone,
    limitName: "longest of 50 at rest",
    goal: "≤ 100 ms",
    met: worst <= 100,
  }];
}

async function benchTabs(page: PageNode): Promise<BenchRow[]> {
  const { pid } = page.agent;
  const idle = await loadOf(pid);
  const idleMb = residentMb(pid);
  const streams = Array.from({ length: TABS }, () => new EventStream(`${page.url}/api/v1/events`));
  await Promise.all(streams.map((stream) => stream.until("points", 2)));
  const busy = await loadOf(pid);
  const busyMb = residentMb(pid);
  await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
  const more = busy - idle;
  return [
    {
      name: `load of ${TABS} open pages`,
      value: more,
      unit: "% of one core",
      limit: idle,
      limitName: "without",
      goal: "≤ 2 %",
      met: more <= 2,
    },
    {
      name: `memory with ${TABS} open pages`,
      value: busyMb,
      unit: "MB",
      limit: idleMb,
      limitName: "without",
    },
  ];
}

async function took(url: string): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return performance.now() - startMs;
}

async function repeat(work: () => Promise<number>, times: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < times; round++) samples.push(await work());
  return samples;
}

/** In percent of one core. */
async function loadOf(pid: number): Promise<number> {
  const startMs = performance.now();
  const before = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  return 100_000 * (cpuSeconds(pid) - before) / (performance.now() - startMs);
}

/** CPU time that a process has used so far. */
function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime and stime, in ticks of 10 ms
}

/** In MB (10^6 bytes). */
function residentMb(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1];
  return Number(kib) * 1024 / 1_000_000;
}
