// Runs in: main thread.
import { formatBytes, formatDuration } from "../shared/time.ts";
import type { AgentStatus, BackendStatusJson, WorkerStatusJson } from "./status.ts";

/** Whether a node is well, for eyes and for machines. Names workers, and holds no text that comes from elsewhere. */
export interface Verdict {
  well: boolean;
  /** "Well: 3 procedures measuring, 12 waiting for tenta, last sent 4 s ago", or "Not well: …" and all reasons. */
  text: string;
  /** What is wrong, one sentence each; empty when the node is well. */
  reasons: string[];
}

/** What has failed within this time counts, though it runs again, in milliseconds. */
const RECENT_MS = 60_000;
/** How long a connection may be gone before it counts: servers and networks hiccup, in milliseconds. */
const CONNECTION_GRACE_MS = 10_000;
/** How long messages may wait although their backend is connected and sends nothing, in milliseconds. */
const STUCK_MS = 15 * 60_000;

/** The one answer to "is it well?": `ivy status`, the page, `/healthz` and `/metrics` all show this. */
export function judge(status: Omit<AgentStatus, "verdict">): Verdict {
  const reasons = [
    ...agentReasons(status),
    ...Object.entries(status.procedures).flatMap(([name, worker]) => workerReasons(name, worker, status)),
    ...Object.entries(status.backends).flatMap(([name, backend]) => [
      ...workerReasons(name, backend, status),
      ...backendReasons(name, backend, status.clock.time_ms),
    ]),
  ];
  const well = reasons.length === 0;
  return { well, text: well ? `Well: ${describe(status)}` : `Not well: ${reasons.join(", ")}`, reasons };
}

type Judged = Omit<AgentStatus, "verdict">;

function agentReasons({ ready, config_damage, store, disk }: Judged): string[] {
  const isFull = disk !== null && disk.free_bytes < disk.min_free_bytes;
  return [
    ...(ready ? [] : ["not every procedure has been started yet"]),
    ...(config_damage === null ? [] : ["the configuration is damaged and the last one that ran is used"]),
    ...(store.state === "running" ? [] : [`the store is ${stateWord(store.state)}`]),
    ...(store.state === "running" && store.messages === null ? ["the store does not answer"] : []),
    ...(store.database_doubt === null ? [] : ["the database could not be checked"]),
    ...(disk === null ? ["the free space of the disk cannot be read"] : []),
    ...(isFull ? [`the disk is nearly full: ${formatBytes(disk.free_bytes)} free`] : []),
  ];
}

function workerReasons(
  name: string,
  { state, last_error }: WorkerStatusJson,
  { ready, clock }: Judged,
): string[] {
  const failedMs = last_error === null ? Infinity : clock.time_ms - last_error.time_ms;
  if (failedMs < RECENT_MS) {
    return [
      `${name} failed ${since(failedMs)} ago${state === "running" ? "" : ` and is ${stateWord(state)}`}`,
    ];
  }
  return state === "running" || !ready ? [] : [`${name} is ${stateWord(state)}`];
}

function backendReasons(name: string, backend: BackendStatusJson, nowMs: number): string[] {
  if (backend.state !== "running") return [];
  const connectionMs = nowMs - backend.connection_since_ms;
  if (!backend.connected) {
    return connectionMs < CONNECTION_GRACE_MS
      ? []
      : [`${name} has not been connected for ${since(connectionMs)}`];
  }
  const heldMs = backend.held_back_since_ms === null ? 0 : nowMs - backend.held_back_since_ms;
  if (heldMs >= CONNECTION_GRACE_MS) {
    return [`the server of ${name} has not taken messages for ${since(heldMs)}`];
  }
  const waitingMs = backend.oldest_waiting_ms === null ? 0 : nowMs - backend.oldest_waiting_ms;
  const silentMs = nowMs - Math.max(backend.last_sent_ms ?? 0, backend.connection_since_ms);
  if (waitingMs < STUCK_MS || silentMs < STUCK_MS) return [];
  return [`messages have waited for ${name} for ${since(waitingMs)}`];
}

/** What a node that is well does. */
function describe({ procedures, backends, clock }: Judged): string {
  const running = Object.values(procedures).filter(({ state }) => state === "running").length;
  const sentMs = Math.max(0, ...Object.values(backends).map(({ last_sent_ms: lastMs }) => lastMs ?? 0));
  return [
    `${running} ${running === 1 ? "procedure" : "procedures"} measuring`,
    ...Object.entries(backends).map(([name, { messages }]) =>
      `${messages?.waiting ?? 0} waiting for ${name}`
    ),
    ...(sentMs === 0 ? [] : [`last sent ${since(clock.time_ms - sentMs)} ago`]),
  ].join(", ");
}

function stateWord(state: WorkerStatusJson["state"]): string {
  switch (state) {
    case "backoff":
      return "waiting to be started again";
    case "starting":
      return "starting";
    case "running":
      return "running";
    case "stopped":
      return "stopped";
    default:
      return state satisfies never;
  }
}

/** Whole seconds: tenths would only flicker. */
function since(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}
