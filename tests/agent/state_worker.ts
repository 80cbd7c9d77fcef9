// Runs in: tests, worker.
import { followState } from "../../src/runtime/state_link.ts";
import type { ReplicaToAuthority, StateDoor } from "../../src/shared/protocol.ts";
import type { StateReplica } from "../../src/shared/state_replica.ts";
import { testFields } from "./state_fields.ts";

/** What a test asks a worker to do. */
export type Task =
  | { kind: "look" }
  /** Adds 1 so many times; `together` without waiting for each. */
  | { kind: "add"; count: number; together: boolean; spinMs?: number }
  /** Adds 1 again and again, waiting for each. */
  | { kind: "add_for"; durationMs: number }
  | { kind: "note"; note: string }
  /** Holds the thread. */
  | { kind: "block"; blockMs: number }
  /** Holds the thread until the gate is opened; see `Gate` in state_fixture.ts. */
  | { kind: "hold"; gate: Int32Array }
  /** Holds the thread, and floods main with changes meanwhile, as a thread that cannot be stopped might. */
  | { kind: "flood"; floodMs: number }
  /** Broadcasts so many characters that main has not sent. */
  | { kind: "broadcast"; characters: number }
  | { kind: "reach"; sequence: number };

export interface Observation {
  sequence: number;
  total: number;
  partsSum: number;
  note: string;
}

export interface TaskResult {
  now: Observation;
  /** Everything that `watch` has shown so far. */
  history: Observation[];
  /** Broadcasts that have come in, of those that main has sent. */
  broadcasts: number;
  /** How often it has added 1 in its life. */
  added: number;
  /** How long it has waited for one of these at most. */
  slowestMs: number;
}

const scope = globalThis as unknown as Worker & { name: string };
const { signal } = new AbortController();
const history: Observation[] = [];
let port: MessagePort;
let state: StateReplica<typeof testFields>;
let forged: BroadcastChannel;
let broadcasts = 0;
let added = 0;
let slowestMs = 0;

scope.onmessage = ({ data }: MessageEvent<{ door: StateDoor } | { id: number; task: Task }>) => {
  if ("door" in data) return open(data.door);
  const { id, task } = data;
  void perform(task).then(() =>
    scope.postMessage({
      id,
      result: { now: observe(), history, broadcasts, added, slowestMs } satisfies TaskResult,
    })
  );
};

function open(door: StateDoor): void {
  port = door.port;
  forged = new BroadcastChannel(door.channel);
  state = followState(door, testFields)();
  new BroadcastChannel(door.channel).onmessage = () => broadcasts++;
  void (async () => {
    for await (const _change of state.watch((now) => now, { signal })) history.push(observe());
  })();
}

function observe(): Observation {
  const { total, parts, note } = state.current;
  const partsSum = Object.values(parts).reduce((sum, part) => sum + part, 0);
  return { sequence: state.sequence, total, partsSum, note };
}

async function perform(task: Task): Promise<void> {
  switch (task.kind) {
    case "look":
      return;
    case "add": {
      const { count, together, spinMs = 0 } = task;
      if (together) await Promise.all(Array.from({ length: count }, () => addOne(spinMs)));
      else for (let done = 0; done < count; done++) await addOne(spinMs);
      return;
    }
    case "add_for":
      for (const endMs = performance.now() + task.durationMs; performance.now() < endMs;) await addOne(0);
      return;
    case "note":
      return await state.update((draft) => void (draft.note = task.note));
    case "block":
      return spin(task.blockMs);
    case "hold":
      Atomics.store(task.gate, 1, 1);
      Atomics.wait(task.gate, 0, 0);
      return;
    case "flood":
      return flood(task.floodMs);
    case "broadcast": {
      const note = "x".repeat(task.characters);
      forged.postMessage({ type: "changed", delta: { since: 1, sequence: 1e9, fields: { note } } });
      return;
    }
    case "reach":
      while (state.sequence < task.sequence) await new Promise((resolve) => setTimeout(resolve, 1));
      return;
    default:
      task satisfies never;
  }
}

async function addOne(spinMs: number): Promise<void> {
  const startMs = performance.now();
  let mine = 0;
  await state.update((draft) => {
    spin(spinMs);
    draft.total++;
    mine = (draft.parts[scope.name] ?? 0) + 1;
    draft.parts[scope.name] = mine;
  });
  added++;
  slowestMs = Math.max(slowestMs, performance.now() - startMs);
  const shown = state.current.parts[scope.name] ?? 0;
  if (shown < mine) throw new Error(`${scope.name} wrote ${mine}, then read ${shown}`);
}

function flood(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  for (let count = 0; performance.now() < endMs; count++) {
    const note = JSON.stringify(`${scope.name} ${count}`);
    const change: ReplicaToAuthority = { type: "change", since: 1e9, touched: ["note"], fields: { note } };
    port.postMessage(change);
    spin(1);
  }
}

function spin(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) { /* the thread is held */ }
}
