// Runs in: main thread.
import type { StoreStatistics } from "../shared/protocol.ts";
import type { WorkerStatus } from "./supervisor.ts";

/** What `ivy status --json` prints and `GET /v1/status` answers. The keys are stable; times are Unix milliseconds. */
export interface AgentStatus {
  pid: number;
  software_version: string;
  system_identifier: string;
  config_revision: number;
  root: string;
  started_ms: number;
  uptime_seconds: number;
  /** Every procedure has been started once. */
  ready: boolean;
  /** Resident memory of the whole agent, in bytes. */
  rss_bytes: number;
  main_heap_bytes: number;
  /** Why the configured file was not used; null when it was. */
  config_damage: string | null;
  procedures: Record<string, WorkerStatusJson>;
  store: WorkerStatusJson & { messages: StoreStatisticsJson | null };
}

export interface WorkerStatusJson {
  state: WorkerStatus["state"];
  restarts: number;
  last_error: { time_ms: number; message: string } | null;
  seconds_since_heartbeat: number | null;
  heap_bytes: number;
}

export interface StoreStatisticsJson {
  last_id: number;
  stored: StoreStatistics["stored"];
  /** Messages that at least one backend still waits for. */
  waiting: number;
  /** Messages that are safe in the outbox and whose daily file has not been synced yet. */
  unsynced: number;
  refused: number;
  database_bytes: number;
  free_bytes: number;
}

export function workerStatusJson(status: WorkerStatus): WorkerStatusJson {
  return {
    state: status.state,
    restarts: status.restarts,
    last_error: status.lastError === null
      ? null
      : { time_ms: status.lastError.timeMs, message: status.lastError.message },
    seconds_since_heartbeat: status.secondsSinceBeat,
    heap_bytes: status.heapBytes,
  };
}

export function storeStatisticsJson(statistics: StoreStatistics | undefined): StoreStatisticsJson | null {
  if (statistics === undefined) return null;
  return {
    last_id: statistics.lastId,
    stored: statistics.stored,
    waiting: statistics.waiting,
    unsynced: statistics.unsynced,
    refused: statistics.refused,
    database_bytes: statistics.databaseBytes,
    free_bytes: statistics.freeBytes,
  };
}
