// Runs in: tests.

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What a node answers to the page, by the last part of the path; a test may change it, and null is refused. */
export interface PageAnswers {
  status: Record<string, unknown> | null;
  /** The measured value of a key at a time; null where there is none. */
  measure: Record<string, (timeMs: number) => number | null>;
  logs: LogLine[];
  state: Record<string, unknown>;
  config: Record<string, unknown>;
}

export interface LogLine {
  time_ms: number;
  level: string;
  origin: string;
  subject: string;
  details: string;
}

/** Answers of a node that is well; `hole_c` has not been measured from 8 to 4 hours ago. */
export function pageAnswers(nowMs: number): PageAnswers & { status: Record<string, unknown> } {
  const hole = { fromMs: nowMs - 8 * 60 * MINUTE_MS, toMs: nowMs - 4 * 60 * MINUTE_MS };
  return {
    status: statusAnswer(nowMs),
    measure: {
      co2: (timeMs) => 410 + 8 * Math.sin(timeMs / DAY_MS * 12) + Math.sin(timeMs / 7000),
      hole_c: (timeMs) =>
        timeMs > hole.fromMs && timeMs < hole.toMs ? null : 20 + 5 * Math.sin(timeMs / DAY_MS * 6.28),
      relative_humidity_percent_of_the_inner_box: (timeMs) => 61 + 3 * Math.cos(timeMs / DAY_MS * 30),
      once: (timeMs) => Math.abs(timeMs - (nowMs - DAY_MS / 2)) < 6 * MINUTE_MS ? 7 : null,
    },
    logs: [
      line(nowMs - 4000, "INFO", "random_walk", "going on"),
      line(nowMs - 90_000, "WARNING", "system_checks", "used memory is 93.0 %, above 90 %"),
      line(
        nowMs - 3_700_000,
        "EXCEPTION",
        "thermometer",
        "run() failed",
        "Error: no answer on /dev/ttyUSB0\n    at read (thermometer.ts:12:3)",
      ),
    ],
    state: {
      system: { checked_at: nowMs / 1000, load_1m: 0.31, cpu_temperature_c: null },
      overloaded: false,
    },
    config: {
      config: {
        general: { system_identifier: "roof-1" },
        backends: [{ provider: "mqtt", password: "•••" }],
        updater: null,
      },
      revisions: [
        { revision: 7, status: "current", time_ms: nowMs - 3 * DAY_MS, reason: null },
        {
          revision: 6,
          status: "rejected",
          time_ms: null,
          reason: "backends[0].mqtt_connection.port: expected an integer",
        },
      ],
    },
  };
}

function statusAnswer(nowMs: number): Record<string, unknown> {
  const worker = {
    state: "running",
    restarts: 0,
    last_error: null,
    seconds_since_heartbeat: 1.2,
    heap_bytes: 7_400_000,
    invalid_messages: 0,
    lock: { kind: "seccomp", detail: "opens no file" },
  };
  const failed = {
    ...worker,
    state: "backoff",
    restarts: 14,
    last_error: { time_ms: nowMs - 40_000, message: "no answer on /dev/ttyUSB0 within 2 s" },
  };
  const counts = { accepted: 1300, acknowledged: 1288, waiting: 12, parked: 1, dropped: 0 };
  return {
    pid: 4711,
    software_version: "0.2.0",
    system_identifier: "roof-1",
    config_revision: 7,
    root: "/home/pi/node",
    started_ms: nowMs - 3 * DAY_MS,
    uptime_seconds: 3 * DAY_MS / 1000,
    ready: true,
    rss_bytes: 106_000_000,
    main_heap_bytes: 9_000_000,
    config_damage: null,
    update: null,
    update_warning: null,
    probation: null,
    procedures: { random_walk: worker, system_checks: worker, thermometer: failed },
    backends: {
      tenta: {
        ...worker,
        provider: "mqtt",
        connected: true,
        connection: "broker.example.org:8883 (MQTT 5)",
        connection_since_ms: nowMs - 2 * DAY_MS,
        held_back: null,
        held_back_since_ms: null,
        rate_per_s: 1.0345,
        last_sent_ms: nowMs - 4000,
        messages: { ...counts, oldest_waiting_ms: nowMs - 65_000 },
      },
    },
    store: {
      database_doubt: null,
      ...worker,
      messages: {
        last_id: 1301,
        stored: { data: 1290, log: 10, config: 1 },
        waiting: 12,
        unsynced: 0,
        refused: 0,
        database_bytes: 450_000,
        free_bytes: 12e9,
      },
    },
    verdict: {
      well: true,
      text: "Well: 3 procedures measuring, 12 waiting for tenta, last sent 4 s ago",
      reasons: [],
    },
    disk: {
      free_bytes: 12e9,
      total_bytes: 31e9,
      min_free_bytes: 200e6,
      max_outbox_bytes: 1024e6,
      limit_warnings: [],
    },
    clock: { time_ms: nowMs, is_trusted: true },
    versions: { ivy: "0.2.0", deno: "2.9.5", v8: "14.1", target: "aarch64-unknown-linux-gnu" },
  };
}

function line(time_ms: number, level: string, origin: string, subject: string, details = ""): LogLine {
  return { time_ms, level, origin, subject, details };
}
