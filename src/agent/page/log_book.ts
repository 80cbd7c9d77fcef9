// Runs in: main thread.
import type { LogEntry } from "../../shared/protocol.ts";
import type { LogEntryJson, LogsJson } from "./api.ts";
import { fits, type LogFilter, LogRing } from "./log_ring.ts";
import { readLogTail } from "./log_tail.ts";

export const MAX_LOGS = 1000;

/** The log as the page shows it: entries since it was started, and before them the daily files. */
export class LogBook {
  readonly ring = new LogRing(crypto.randomUUID().slice(0, 8));
  #directory: string;
  #startedMs: number;

  /** @param directory of the daily log files @param nowMs Unix milliseconds */
  constructor(directory: string, nowMs: number) {
    this.#directory = directory;
    this.#startedMs = nowMs;
  }

  add(entry: LogEntry): LogEntryJson & { id: string } {
    return this.ring.add(entry);
  }

  /** The newest entries that fit, oldest first. */
  async read(filter: LogFilter, limit: number): Promise<LogsJson> {
    const count = Math.max(1, Math.min(limit, MAX_LOGS));
    const lastId = this.ring.lastId;
    const newest = this.ring.entries.filter((entry) => fits(entry, filter)).slice(-count);
    if (newest.length === count) return { entries: newest, last_event_id: lastId };
    const oldestMs = this.ring.entries[0]?.time_ms ?? this.#startedMs;
    const before = (await readLogTail(this.#directory))
      .filter((entry) => entry.time_ms < oldestMs && fits(entry, filter)).slice(newest.length - count);
    return { entries: [...before, ...newest], last_event_id: lastId };
  }
}
