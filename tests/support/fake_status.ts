// Runs in: tests.
import type { AgentStatus, BackendStatusJson, WorkerStatusJson } from "../../src/agent/status.ts";
import { judge } from "../../src/agent/verdict.ts";

export const NOW_MS = Date.UTC(2026, 10, 22, 12);

export function fakeWorker(changes: Partial<WorkerStatusJson> = {}): WorkerStatusJson {
  return {
    state: "running",
    restarts: 0,
    last_error: null,
    seconds_since_heartbeat: 1,
    heap_bytes: 5e6,
    invalid_messages: 0,
    lock: { kind: "seccomp", detail: "opens no file" },
    ...changes,
  };
}

export function fakeBackend(changes: Partial<BackendStatusJson> = {}): BackendStatusJson {
  return {
    ...fakeWorker(),
    provider: "tenta",
    connected: true,
    connection: "connected to example.org",
    held_back: null,
    held_back_since_ms: null,
    connection_since_ms: NOW_MS - 3_600_000,
    rate_per_s: 2.5,
    last_sent_ms: NOW_MS - 4000,
    oldest_waiting_ms: NOW_MS - 5000,
    parked: 1,
    messages: {
      accepted: 120,
      acknowledged: 107,
      waiting: 12,
      parked: 1,
      dropped: 0,
      oldest_waiting_ms: NOW_MS - 5000,
    },
    ...changes,
  };
}

/** The status of a node that is well. */
export function fakeStatus(changes: Partial<Omit<AgentStatus, "verdict">> = {}): AgentStatus {
  const status = {
    pid: 42,
    software_version: "1.2.3",
    system_identifier: "node-7",
    config_revision: 3,
    root: "/home/ivy",
    started_ms: NOW_MS - 7_200_000,
    uptime_seconds: 7200,
    ready: true,
    rss_bytes: 150e6,
    main_heap_bytes: 12e6,
    config_damage: null,
    update: null,
    update_warning: null,
    probation: null,
    disk: {
      free_bytes: 20e9,
      total_bytes: 32e9,
      min_free_bytes: 200e6,
      max_outbox_bytes: 1024e6,
      limit_warnings: [],
    },
    clock: { time_ms: NOW_MS, is_trusted: true },
    versions: { ivy: "1.2.3", deno: "2.9.5", v8: "14.0", target: "aarch64-unknown-linux-gnu" },
    procedures: { walk: fakeWorker(), checks: fakeWorker({ restarts: 2 }) },
    backends: { tenta: fakeBackend() },
    store: {
      database_doubt: null,
      ...fakeWorker(),
      messages: {
        last_id: 123,
        stored: { data: 100, log: 20, config: 3 },
        waiting: 12,
        unsynced: 4,
        refused: 0,
        database_bytes: 1e6,
        free_bytes: 20e9,
      },
    },
    ...changes,
  };
  return { verdict: judge(status), ...status };
}
