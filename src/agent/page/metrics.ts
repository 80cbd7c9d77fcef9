// Runs in: main thread.
import type { AgentStatus, BackendStatusJson, WorkerStatusJson } from "../status.ts";
import type { Labels, Metric } from "./openmetrics.ts";

type Sample = Metric["samples"][number];

/** What a node counts and weighs, for Prometheus. The names are public: README lists them. */
export function nodeMetrics(status: AgentStatus): Metric[] {
  return [
    ...agentMetrics(status),
    ...storeMetrics(status),
    ...workerMetrics(status),
    ...backendMetrics(status),
  ];
}

function agentMetrics(status: AgentStatus): Metric[] {
  const { versions, disk, clock, verdict, system_identifier } = status;
  const { ivy, deno, target } = versions;
  return [
    gauge("ivy_build_info", "Always 1; what runs is in the labels.", [
      sample(1, { version: ivy, deno, target, system: system_identifier }),
    ]),
    gauge("ivy_well", "1 = the node is well, as /healthz says.", [sample(verdict.well)]),
    gauge("ivy_ready", "1 = every procedure has been started once.", [sample(status.ready)]),
    gauge("ivy_config_revision", "Revision of the configuration in use.", [sample(status.config_revision)]),
    gauge("ivy_clock_trusted", "1 = the clock is known to be right.", [sample(clock.is_trusted)]),
    gauge("ivy_disk_free_bytes", "Free space of the file system with the measurements.", [
      sample(disk?.free_bytes),
    ]),
    gauge("ivy_disk_size_bytes", "Size of the file system with the measurements.", [
      sample(disk?.total_bytes),
    ]),
    gauge("ivy_disk_min_free_bytes", "Free space below which old data leaves the outbox.", [
      sample(disk?.min_free_bytes),
    ]),
    gauge("ivy_outbox_max_bytes", "Size of the outbox's database above which old data leaves it.", [
      sample(disk?.max_outbox_bytes),
    ]),
    gauge("process_resident_memory_bytes", "Resident memory of the agent.", [sample(status.rss_bytes)]),
    gauge("process_start_time_seconds", "When the agent was started, Unix time.", [
      sample(status.started_ms / 1000),
    ]),
  ];
}

function storeMetrics({ store: { messages } }: AgentStatus): Metric[] {
  const stored = Object.entries(messages?.stored ?? {}).map(([variant, count]) => sample(count, { variant }));
  return [
    counter("ivy_messages_stored_total", "Messages that were stored, since the store was made.", stored),
    counter("ivy_messages_refused_total", "Messages that could not be stored.", [sample(messages?.refused)]),
    gauge("ivy_messages_waiting", "Messages that at least one backend has not sent.", [
      sample(messages?.waiting),
    ]),
    gauge("ivy_messages_unsynced", "Messages that are not in a synced daily file yet.", [
      sample(messages?.unsynced),
    ]),
    gauge("ivy_store_database_bytes", "Size of the outbox's database.", [sample(messages?.database_bytes)]),
  ];
}

function workerMetrics({ procedures, backends, store, clock }: AgentStatus): Metric[] {
  const workers: [Labels, WorkerStatusJson][] = [
    ...Object.entries(procedures).map(([worker, found]): [Labels, WorkerStatusJson] => [
      { kind: "procedure", worker },
      found,
    ]),
    ...Object.entries(backends).map((
      [worker, found],
    ): [Labels, WorkerStatusJson] => [{ kind: "backend", worker }, found]),
    [{ kind: "store", worker: "store" }, store],
  ];
  const each = (pick: (worker: WorkerStatusJson) => Sample["value"] | boolean) =>
    workers.map(([labels, worker]) => sample(pick(worker), labels));
  return [
    gauge("ivy_worker_running", "1 = the worker does its work.", each(({ state }) => state === "running")),
    counter(
      "ivy_worker_restarts_total",
      "How often the worker was replaced.",
      each(({ restarts }) => restarts),
    ),
    counter(
      "ivy_worker_invalid_messages_total",
      "How often a worker was ended because it sent what was not agreed on.",
      each(({ invalid_messages }) => invalid_messages),
    ),
    gauge("ivy_worker_heap_bytes", "Memory of the worker's heap.", each(({ heap_bytes }) => heap_bytes)),
    gauge(
      "ivy_worker_heartbeat_age_seconds",
      "Time since the worker's last sign of life.",
      each(({ seconds_since_heartbeat: age }) => age),
    ),
    gauge(
      "ivy_worker_last_failure_age_seconds",
      "Time since the worker's last failure.",
      each(({ last_error }) => last_error === null ? null : ageSeconds(last_error.time_ms, clock.time_ms)),
    ),
  ];
}

function backendMetrics({ backends, clock }: AgentStatus): Metric[] {
  const each = (pick: (backend: BackendStatusJson) => Sample["value"] | boolean) =>
    Object.entries(backends).map(([name, backend]) =>
      sample(pick(backend), { backend: name, provider: backend.provider })
    );
  const total = (name: "accepted" | "acknowledged" | "dropped", help: string) =>
    counter(`ivy_backend_messages_${name}_total`, help, each(({ messages }) => messages?.[name]));
  return [
    gauge("ivy_backend_connected", "1 = it is connected to its server.", each(({ connected }) => connected)),
    total("accepted", "Messages that are for this backend, since it was configured."),
    total("acknowledged", "Messages that its server has."),
    total("dropped", "Messages that were given up for lack of space."),
    gauge(
      "ivy_backend_messages_waiting",
      "Messages that wait for it.",
      each(({ messages }) => messages?.waiting),
    ),
    gauge(
      "ivy_backend_messages_parked",
      "Messages that its server will never take.",
      each(({ parked }) => parked),
    ),
    gauge(
      "ivy_backend_oldest_waiting_age_seconds",
      "Age of the oldest message that waits for it; 0 = none waits.",
      each(({ oldest_waiting_ms, messages }) =>
        messages === null
          ? null
          : oldest_waiting_ms === null
          ? 0
          : ageSeconds(oldest_waiting_ms, clock.time_ms)
      ),
    ),
    gauge(
      "ivy_backend_last_sent_age_seconds",
      "Time since its server last acknowledged a message.",
      each(({ last_sent_ms }) => last_sent_ms === null ? null : ageSeconds(last_sent_ms, clock.time_ms)),
    ),
  ];
}

function gauge(name: string, help: string, samples: Sample[]): Metric {
  return { name, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: Sample[]): Metric {
  return { name, type: "counter", help, samples };
}

function sample(value: Sample["value"] | boolean, labels: Labels = {}): Sample {
  return { labels, value: typeof value === "boolean" ? Number(value) : value };
}

function ageSeconds(timeMs: number, nowMs: number): number {
  return Math.max(0, nowMs - timeMs) / 1000;
}
