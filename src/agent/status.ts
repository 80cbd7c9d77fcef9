// Runs in: main thread.
import type { StorageSettings } from "../shared/config.ts";
import { diskLimits } from "../shared/disk_limits.ts";
import { diskSpace } from "../shared/disk_space.ts";
import type { BackendStatistics, StoreStatistics } from "../shared/protocol.ts";
import type { BackendHost } from "./backend_host.ts";
import type { WorkerStatus } from "./supervisor.ts";
import type { WorkerLock } from "./worker_lock.ts";
import type { Workers } from "./workers.ts";
import { withLimit } from "../shared/time.ts";
import { version } from "../shared/version.ts";
import type { ProbationJson } from "./updater/updater.ts";
import type { Verdict } from "./verdict.ts";

/** How long a store that is busy may hold up `ivy status`, in milliseconds. */
const STATISTICS_LIMIT_MS = 1000;

/**
 * What `ivy status --json` prints, and `GET /v1/status` of the control socket and `GET /api/v1/status` of the status
 * page answer. The keys are stable; times are Unix milliseconds.
 */
export interface AgentStatus {
  verdict: Verdict;
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
  /** What is being done to change the version, and what runs on probation; null = nothing. */
  update: string | null;
  /** That the source of releases offers nothing new; null when it does, or nobody wants to know. No reason to be unwell. */
  update_warning: string | null;
  /** Null when the running version has proved itself. */
  probation: ProbationJson | null;
  /** The file system that measurements are on; null when the system does not say. */
  disk: DiskJson | null;
  clock: ClockJson;
  versions: VersionsJson;
  procedures: Record<string, WorkerStatusJson>;
  backends: Record<string, BackendStatusJson>;
  store: StoreStatusJson;
}

export interface StoreStatusJson extends WorkerStatusJson {
  messages: StoreStatisticsJson | null;
  /** Why nobody knows whether a large database is whole; null when it is, as far as is known. */
  database_doubt: string | null;
}

export interface DiskJson {
  /** For an ordinary user. */
  free_bytes: number;
  total_bytes: number;
  /** Below it old data leaves: `storage.min_free_mb`, as far as it fits this disk. */
  min_free_bytes: number;
  /** A larger outbox loses old data: `storage.max_outbox_mb`, as far as it fits this disk. */
  max_outbox_bytes: number;
  /** Configured limits that do not fit this disk, one sentence each. */
  limit_warnings: string[];
}

export interface ClockJson {
  time_ms: number;
  /** Whether the clock is known to be right. */
  is_trusted: boolean;
}

export interface VersionsJson {
  ivy: string;
  deno: string;
  v8: string;
  /** The kind of machine, for example `aarch64-unknown-linux-gnu`. */
  target: string;
}

export interface WorkerStatusJson {
  state: WorkerStatus["state"];
  restarts: number;
  last_error: { time_ms: number; message: string } | null;
  seconds_since_heartbeat: number | null;
  heap_bytes: number;
  /** How often a worker was ended because it sent what was not agreed on. */
  invalid_messages: number;
  /** What keeps its thread from opening files, as the thread has told; null while it has not. */
  lock: WorkerLock | null;
}

export interface BackendStatusJson extends WorkerStatusJson {
  provider: string;
  connected: boolean;
  /** What it is connected to, or why it is not. */
  connection: string;
  connection_since_ms: number;
  /** What its server does not take now, and why; null = it takes everything. */
  held_back: string | null;
  /** Since when something is held back; null = nothing is. */
  held_back_since_ms: number | null;
  /** Messages per second that its server acknowledged during the last minute; null while the store does not say. */
  rate_per_s: number | null;
  /** The last acknowledgement since the store was started; null when there was none. */
  last_sent_ms: number | null;
  /** The oldest message that waits; null when none does. */
  oldest_waiting_ms: number | null;
  /** Messages that can never be sent to this server; null while the store does not say. */
  parked: number | null;
  /** What the store counts for it; null while the store does not say. */
  messages: BackendMessagesJson | null;
}

/** Messages of all variants: accepted = acknowledged + waiting + parked + dropped. */
export interface BackendMessagesJson {
  accepted: number;
  acknowledged: number;
  waiting: number;
  parked: number;
  dropped: number;
  /** The oldest message that waits; null when none does. */
  oldest_waiting_ms: number | null;
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

/** @param redact takes secrets out of a text */
export async function statusOfWorkers(
  { store, procedures, backends }: Workers,
  redact: (text: string) => string,
): Promise<Pick<AgentStatus, "procedures" | "backends" | "store">> {
  const asked = store.request({ kind: "statistics" }).catch(() => undefined);
  const statistics = await withLimit(asked, STATISTICS_LIMIT_MS, undefined);
  const common = (host: { status(): WorkerStatus }) => {
    const { last_error: error, ...status } = workerStatusJson(host.status());
    return { ...status, last_error: error && { ...error, message: redact(error.message) } };
  };
  return {
    procedures: Object.fromEntries(procedures.map((host) => [host.name, common(host)])),
    backends: Object.fromEntries(backends.map((host) => {
      const own = backendStatusJson(host, statistics);
      return [host.name, { ...common(host), ...own, connection: redact(own.connection) }];
    })),
    store: {
      ...common(store),
      messages: storeStatisticsJson(statistics),
      database_doubt: store.databaseDoubt,
    },
  };
}

/** @param path on the file system in question */
export function diskJson(path: string, storage: StorageSettings): DiskJson | null {
  try {
    const { freeBytes, sizeBytes } = diskSpace(path);
    const { minFreeBytes, maxOutboxBytes, warnings } = diskLimits(storage, sizeBytes);
    return {
      free_bytes: freeBytes,
      total_bytes: sizeBytes,
      min_free_bytes: minFreeBytes,
      max_outbox_bytes: maxOutboxBytes,
      limit_warnings: warnings,
    };
  } catch {
    return null;
  }
}

export function versionsJson(): VersionsJson {
  const { deno, v8 } = Deno.version;
  return { ivy: version, deno, v8, target: Deno.build.target };
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
    invalid_messages: status.invalidMessages,
    lock: status.lock,
  };
}

/** What of a backend's status is not any worker's. */
export function backendStatusJson(
  host: Pick<BackendHost, "name" | "provider" | "connection">,
  statistics: StoreStatistics | undefined,
): Omit<BackendStatusJson, keyof WorkerStatusJson> {
  const { isConnected, detail, sinceMs, held } = host.connection;
  const counts = statistics?.backends[host.name];
  const sent = statistics?.sent[host.name];
  const messages = counts === undefined ? null : sumUp(Object.values(counts));
  return {
    provider: host.provider,
    connected: isConnected,
    connection: held === null ? detail : `${detail}; ${held.detail}`,
    connection_since_ms: sinceMs,
    held_back: held?.detail ?? null,
    held_back_since_ms: held?.sinceMs ?? null,
    rate_per_s: sent === undefined ? null : Math.round(sent.perSecond * 100) / 100,
    last_sent_ms: sent?.lastMs ?? null,
    oldest_waiting_ms: messages?.oldest_waiting_ms ?? null,
    parked: messages?.parked ?? null,
    messages,
  };
}

function sumUp(counts: BackendStatistics[]): BackendMessagesJson {
  const sum = (pick: (count: BackendStatistics) => number) =>
    counts.reduce((total, count) => total + pick(count), 0);
  const oldest = counts.flatMap(({ oldestWaitingMs }) => oldestWaitingMs === null ? [] : [oldestWaitingMs]);
  return {
    accepted: sum(({ accepted }) => accepted),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    waiting: sum(({ waiting }) => waiting),
    parked: sum(({ parked }) => parked),
    dropped: sum(({ dropped }) => dropped),
    oldest_waiting_ms: oldest.length === 0 ? null : Math.min(...oldest),
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
