// Runs in: benchmarks.
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { MessageSender } from "../../src/shared/message_sender.ts";
import type { MainToStore, StoreStatistics, StoreToMain } from "../../src/shared/protocol.ts";
import { type BenchRow, formatRow, median, printLine } from "./row.ts";

/** A message of three keys, about 110 bytes as stored. */
const DATA = { temperature_c: 21.375, humidity_percent: 48.25, co2_ppm: 412.0625 };
const WRITERS = 4;

/** A real store worker on a folder, without an agent around it. */
export class BenchStore {
  #worker: Worker;
  #waiting = new Map<string, (message: StoreToMain) => void>();

  constructor() {
    this.#worker = new Worker(import.meta.resolve("../../src/store/worker.ts"), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<StoreToMain>) => {
      if (data.type === "failed") throw new Error(data.error.message);
      this.#waiting.get(data.type)?.(data);
    };
  }

  async open(directory: string, backends: string[] = []): Promise<this> {
    const opened = this.#next("opened");
    this.send({
      type: "open",
      opening: {
        directory,
        runId: crypto.randomUUID(),
        settings: {
          retention_days: null,
          log_retention_days: null,
          commit_interval_ms: 0,
          min_free_mb: 0,
          max_outbox_mb: 100_000,
        },
        backends,
        boot: { id: "bench", uptimeMs: 0 },
        clockTrusted: true,
        isProven: true,
      },
      beatIntervalMs: 1000,
    });
    await opened;
    return this;
  }

  send(message: MainToStore, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  port(name: string): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.send({ type: "attach_producer", producer: { name, generation: 1 }, port: port1 }, [port1]);
    return port2;
  }

  backendPort(name: string): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.send({ type: "attach_backend", name, port: port1 }, [port1]);
    return port2;
  }

  async statistics(): Promise<StoreStatistics> {
    const answered = this.#next("answer");
    this.send({ type: "request", requestId: 1, request: { kind: "statistics" } });
    return ((await answered) as StoreToMain & { type: "answer" }).answer as StoreStatistics;
  }

  async close(): Promise<void> {
    const closed = this.#next("closed");
    this.send({ type: "close" });
    await closed;
    this.#worker.terminate();
  }

  #next(type: StoreToMain["type"]): Promise<StoreToMain> {
    return new Promise((resolve) => this.#waiting.set(type, resolve));
  }
}

function sender(port: MessagePort): MessageSender {
  const made = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  made.attach(port);
  return made;
}

/** Latency of one procedure that awaits each message, beside bare inserts of the same size. */
async function latency(folder: string): Promise<BenchRow[]> {
  const bare = openBare(join(folder, "bare.sqlite3"));
  const store = await new BenchStore().open(join(folder, "latency"));
  const messages = sender(store.port("p"));
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let i = 0; i < 400; i++) {
    theirs.push(timed(() => bare.insert()));
    const startMs = performance.now();
    await messages.data(DATA);
    ours.push(performance.now() - startMs);
  }
  bare.close();
  await store.close();
  const [value, limit] = [median(ours), median(theirs)];
  return [{
    name: "store one message, awaited, p50",
    value,
    unit: "ms",
    limit,
    limitName: "bare SQLite insert, synchronous=FULL",
    goal: "≤ 1.5 × limit",
    met: value <= 1.5 * limit,
  }];
}

/** Throughput of four writers in threads of their own that do not wait. */
async function throughput(folder: string): Promise<BenchRow[]> {
  const batchRate = bareBatchRate(join(folder, "batch.sqlite3"));
  const postRate = await barePostRate();
  const store = await new BenchStore().open(join(folder, "throughput"));
  const { rate, worstMs } = await runWriters(store, 30_000);
  await store.close();
  const limit = Math.min(0.5 * batchRate, 0.8 * postRate);
  return [
    {
      name: "four writers without waiting, durable messages",
      value: rate,
      unit: "messages/s",
      limit,
      limitName: "lower of 0.5 × bare 1,000-row commits and 0.8 × bare postMessage",
      goal: "≥ limit",
      met: rate >= limit,
    },
    { name: "bare commits of 1,000 rows", value: batchRate, unit: "messages/s" },
    { name: "bare postMessage there and back", value: postRate, unit: "messages/s" },
    {
      name: "the same beside Python Ivy's 498 messages/s",
      value: rate / 498,
      unit: "times",
      goal: "≥ 100",
      met: rate / 498 >= 100,
    },
    {
      name: "worst call while four write (Python Ivy: 2,300 to 5,100 ms)",
      value: worstMs,
      unit: "ms",
      goal: "≤ 50 ms",
      met: worstMs <= 50,
    },
  ];
}

async function runWriters(store: BenchStore, each: number): Promise<{ rate: number; worstMs: number }> {
  const workers = Array.from({ length: WRITERS }, (_, index) => {
    const worker = new Worker(import.meta.resolve("./store_writer.ts"), { type: "module" });
    const port = store.port(`writer${index}`);
    const ready = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage({ port, count: each, data: DATA }, [port]);
    return { worker, ready };
  });
  await Promise.all(workers.map(({ ready }) => ready));
  const startMs = performance.now();
  const worst = await Promise.all(workers.map(({ worker }) =>
    new Promise<number>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data.worstMs);
      worker.postMessage("go");
    })
  ));
  const rate = WRITERS * each / (performance.now() - startMs) * 1000;
  for (const { worker } of workers) worker.terminate();
  return { rate, worstMs: Math.max(...worst) };
}

/** Storing and leasing 100 messages with a million waiting, beside an empty outbox. */
async function backlog(folder: string, waiting: number): Promise<BenchRow[]> {
  const empty = await new BenchStore().open(join(folder, "empty"), ["b"]);
  const full = await new BenchStore().open(join(folder, "full"), ["b"]);
  const fill = sender(full.port("fill"));
  for (let done = 0; done < waiting; done += 1000) {
    await Promise.all(Array.from({ length: 1000 }, () => fill.data(DATA)));
  }
  const stores = [empty, full].map((store) => ({
    messages: sender(store.port("p")),
    port: store.backendPort("b"),
  }));
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 60; round++) {
    for (const [index, { messages, port }] of stores.entries()) {
      const startMs = performance.now();
      await Promise.all(Array.from({ length: 100 }, () => messages.data(DATA)));
      await leaseAndAcknowledge(port, 100);
      times[index]!.push(performance.now() - startMs);
    }
  }
  await empty.close();
  await full.close();
  const [limit, value] = times.map(median) as [number, number];
  return [
    {
      name: `store and lease 100 messages with ${waiting.toLocaleString("en")} waiting`,
      value,
      unit: "ms",
      limit,
      limitName: "with an empty outbox",
      goal: "≤ 1.2 × limit",
      met: value <= 1.2 * limit,
    },
    ...await startUp(folder),
  ];
}

async function leaseAndAcknowledge(port: MessagePort, count: number): Promise<void> {
  const next = (type: string) =>
    new Promise<{ messages: { id: number }[] }>((resolve) => {
      port.onmessage = ({ data }) => data.type === type && resolve(data);
    });
  const leased = next("leased");
  port.postMessage({ type: "lease", maxMessages: count, maxBytes: 1_000_000 });
  const ids = (await leased).messages.map(({ id }) => id);
  const settled = next("settled");
  port.postMessage({ type: "acknowledge", ids });
  await settled;
}

/** From starting the worker to open, with the backlog of {@link backlog} and a hundred daily files, beside an empty root. */
async function startUp(folder: string): Promise<BenchRow[]> {
  const messages = join(folder, "full", "messages");
  for (let day = 0; day < 100; day++) {
    const name = new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10);
    await Deno.writeTextFile(join(messages, `${name}.jsonl.gz`), "");
  }
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 7; round++) {
    for (const [index, name] of [`fresh${round}`, "full"].entries()) {
      const startMs = performance.now();
      const store = await new BenchStore().open(join(folder, name), ["b"]);
      times[index]!.push(performance.now() - startMs);
      await store.close();
    }
  }
  const [limit, value] = times.map(median) as [number, number];
  return [{
    name: "start of the store with a million waiting and 100 daily files",
    value,
    unit: "ms",
    limit,
    limitName: "with an empty root",
    goal: "≤ 1.5 × limit",
    met: value <= 1.5 * limit,
  }];
}

function openBare(path: string) {
  const database = new DatabaseSync(path);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE m (id INTEGER PRIMARY KEY, body TEXT)",
  );
  const insert = database.prepare("INSERT INTO m (body) VALUES (?)");
  const body = JSON.stringify({ variant: "data", data: DATA });
  return {
    insert: () => insert.run(body),
    exec: (sql: string) => database.exec(sql),
    close: () => database.close(),
  };
}

function bareBatchRate(path: string): number {
  const bare = openBare(path);
  const tookMs = timed(() => {
    for (let commit = 0; commit < 60; commit++) {
      bare.exec("BEGIN");
      for (let row = 0; row < 1000; row++) bare.insert();
      bare.exec("COMMIT");
    }
  });
  bare.close();
  return 60_000 / tookMs * 1000;
}

/** Small messages to a worker that answers each. */
async function barePostRate(): Promise<number> {
  const worker = new Worker(import.meta.resolve("./echo.ts"), { type: "module" });
  const body = JSON.stringify({ variant: "data", data: DATA });
  const count = 40_000;
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    let answers = 0;
    worker.onmessage = () => ++answers === count && resolve();
    for (let i = 0; i < count; i++) worker.postMessage(body);
  });
  const tookMs = performance.now() - startMs;
  worker.terminate();
  return count / tookMs * 1000;
}

function timed(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

/** Every figure of the store. */
export async function benchStore(waiting = 1_000_000): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy_bench_store_" });
  try {
    return [...await latency(folder), ...await throughput(folder), ...await backlog(folder, waiting)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  for (const row of await benchStore(Number(Deno.args[0] ?? 1_000_000))) printLine(formatRow(row));
}
