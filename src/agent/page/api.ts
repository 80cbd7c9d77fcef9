// Runs in: main thread.
import type { Level } from "../../shared/message.ts";
import type { AgentStatus } from "../status.ts";

// The shapes of the page's JSON. They are public: a key keeps its name and meaning, new ones may be added. Times are
// Unix milliseconds, sizes bytes. No secret is in any of them: "•••" stands in its place.

/** `GET /healthz`: 200 when the node is well, else 503. The only one that needs no token. */
export interface HealthJson {
  well: boolean;
  /** What is wrong, one sentence each; empty when the node is well. */
  reasons: string[];
}

/** `GET /api/v1/status`, and the event `status`. */
export type StatusJson = AgentStatus;

/**
 * `GET /api/v1/series?keys=a,b&from_ms=…&to_ms=…&points=300`: numbers of the last 24 hours, of all keys when none is
 * asked for. The value at index i covers `bucket_ms` (whole minutes) from `from_ms` + i × `bucket_ms`.
 */
export interface SeriesJson {
  from_ms: number;
  bucket_ms: number;
  /** null = nothing was measured. */
  keys: Record<string, { mean: (number | null)[]; min: (number | null)[]; max: (number | null)[] }>;
  /** How many numeric keys there are beyond the 200 that are kept. */
  keys_left_out: number;
}

/** The event `points`: the newest value of each numeric key that was measured since the last one. */
export interface PointsJson {
  /** When the newest was measured. */
  time_ms: number;
  values: Record<string, number>;
}

/** One log entry, and the event `log`. */
export interface LogEntryJson {
  /** Also the event's id: a stream goes on after it. Null for an entry from before the page was started. */
  id: string | null;
  time_ms: number;
  level: Level;
  /** The component's name, for example a procedure's. */
  origin: string;
  subject: string;
  /** More lines; empty when there are none. Long ones are cut off. */
  details: string;
}

/** `GET /api/v1/logs?level=WARNING&origin=…&text=…&limit=200`: the newest entries that fit, oldest first. */
export interface LogsJson {
  entries: LogEntryJson[];
  /** Where a stream goes on: `GET /api/v1/events?last_event_id=…` misses nothing that came after this answer. */
  last_event_id: string;
}

/** `GET /api/v1/state`, and the event `state`: the shared state. A field that is too large is a text that says so. */
export type StateJson = Record<string, unknown>;

/** What became of a revision of the configuration. */
export interface RevisionJson {
  revision: number;
  status: "current" | "accepted" | "rejected";
  /** Why it was rejected; else null. */
  reason: string | null;
  /** When this was decided, or since when it is in use; null when that is not known. */
  time_ms: number | null;
}

/** `GET /api/v1/config` */
export interface ConfigJson {
  config: Record<string, unknown>;
  /** Newest first, as far as the node remembers. */
  revisions: RevisionJson[];
}
