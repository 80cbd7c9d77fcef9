// Runs in: benchmarks (worker).
import { followState } from "../../src/runtime/state_link.ts";
import type { StateDoor } from "../../src/shared/protocol.ts";
import type { StateReplica } from "../../src/shared/state_replica.ts";
import { pause } from "../../src/shared/time.ts";
import { benchFields } from "./state_fields.ts";

export type BenchTask =
  | { kind: "read"; count: number }
  /** Writes and, in between, sends through a bare channel what another worker sends back. */
  | { kind: "write"; rounds: number; pauseMs: number }
  | { kind: "add_for"; durationMs: number }
  /** Sends main something that it sends back. */
  | { kind: "echo_for"; durationMs: number }
  /** Waits until it has seen an update, then tells when it saw which. */
  | { kind: "seen"; upTo: number };

export interface BenchResult {
  /** Nanoseconds per read. */
  readNs?: number;
  /** When each update began, in milliseconds on a clock that all threads share. */
  startedMs?: number[];
  /** When each update was seen here, on the same clock. */
  seenMs?: number[];
  /** Bare round trips, in milliseconds. */
  bareMs?: number[];
  /** How many updates or round trips there were. */
  done?: number;
}

const scope = globalThis as unknown as Worker & { name: string };
const { signal } = new AbortController();
const seenMs: number[] = [];
const bare = new BroadcastChannel("bench-bare");
let state: StateReplica<typeof benchFields>;
let echo: MessagePort;
let onPong = () => {};

bare.onmessage = ({ data }) => {
  if (data === "pong") onPong();
  else if (scope.name === "w1") bare.postMessage("pong");
};

scope.onmessage = ({ data }: MessageEvent<{ door: StateDoor; echo: MessagePort } | { task: BenchTask }>) => {
  if ("door" in data) {
    echo = data.echo;
    return open(data.door);
  }
  void perform(data.task).then((result) => scope.postMessage(result));
};

function open(door: StateDoor): void {
  state = followState(door, benchFields)();
  void (async () => {
    for await (const round of state.watch((now) => now.system.load_1m, { signal })) {
      seenMs[round] ??= sharedClockMs();
    }
  })();
  scope.postMessage({});
}

/** Who was slow saw a later update instead. */
function fillGaps(times: number[]): number[] {
  const filled = [...times];
  for (let round = filled.length - 2; round >= 0; round--) filled[round] ??= filled[round + 1]!;
  return filled;
}

function sharedClockMs(): number {
  return performance.timeOrigin + performance.now();
}

async function perform(task: BenchTask): Promise<BenchResult> {
  switch (task.kind) {
    case "read":
      return { readNs: read(task.count) };
    case "write":
      return await write(task.rounds, task.pauseMs);
    case "add_for":
      return { done: await countFor(task.durationMs, () => state.update((draft) => void draft.count++)) };
    case "echo_for":
      return { done: await countFor(task.durationMs, echoOnce) };
    case "seen":
      while (seenMs[task.upTo] === undefined) await pause(1);
      return { seenMs: fillGaps(seenMs) };
    default:
      return task satisfies never;
  }
}

function read(count: number): number {
  let sum = 0;
  const startMs = performance.now();
  for (let index = 0; index < count; index++) sum += state.current.system.load_5m;
  const readNs = (performance.now() - startMs) * 1e6 / count;
  if (sum !== 0) throw new Error("nobody has written load_5m");
  return readNs;
}

async function write(rounds: number, pauseMs: number): Promise<BenchResult> {
  const startedMs: number[] = [];
  const bareMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    startedMs[round] = sharedClockMs();
    await state.update((draft) => void (draft.system.load_1m = round));
    await pause(pauseMs);
    const startMs = performance.now();
    const pong = new Promise<void>((resolve) => onPong = resolve);
    bare.postMessage("ping");
    await pong;
    bareMs.push(performance.now() - startMs);
    await pause(pauseMs);
  }
  return { startedMs, bareMs };
}

async function countFor(durationMs: number, work: () => Promise<void>): Promise<number> {
  let done = 0;
  for (const endMs = performance.now() + durationMs; performance.now() < endMs; done++) await work();
  return done;
}

function echoOnce(): Promise<void> {
  return new Promise((resolve) => {
    echo.onmessage = () => resolve();
    echo.postMessage("count: 1");
  });
}
