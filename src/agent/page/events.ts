// Runs in: main thread.
import { pause } from "../../shared/time.ts";
import type { Points } from "../store_host.ts";
import type { LogEntryJson, PointsJson, StatusJson } from "./api.ts";
import { EventListener } from "./event_listener.ts";
import type { LogBook } from "./log_book.ts";
import type { PageSource } from "./page_source.ts";
import { redactTexts } from "./redaction.ts";
import { shownState } from "./shown_state.ts";

export const MAX_LISTENERS = 32;

/** All in milliseconds. */
export interface EventPace {
  /** How often the status is looked at; it is sent when it has changed, or after the longer time. */
  statusMs: number;
  unchangedStatusMs: number;
  /** How long after a change of the state the next one is told at the earliest. */
  stateMs: number;
  heartbeatMs: number;
}

const PACE: EventPace = { statusMs: 2000, unchangedStatusMs: 10_000, stateMs: 1000, heartbeatMs: 15_000 };
/** How much of the log is sent again after a stream was cut off, in characters. */
const MAX_RESUMED = 262_144;

export interface EventsOptions {
  source: PageSource;
  logs: LogBook;
  onFailure: (error: unknown) => void;
  pace: Partial<EventPace>;
}

/**
 * One stream of events for everybody who has the page open. Work is done once for all of them, and none when nobody
 * listens.
 */
export class Events {
  #source: PageSource;
  #logs: LogBook;
  #listeners = new Set<EventListener>();
  #opening = 0;
  #watching: AbortController | undefined;
  #onFailure: (error: unknown) => void;
  #encoder = new TextEncoder();
  #pace: EventPace;

  constructor({ source, logs, onFailure, pace }: EventsOptions) {
    this.#source = source;
    this.#logs = logs;
    this.#onFailure = onFailure;
    this.#pace = { ...PACE, ...pace };
  }

  /** Those too that are just being opened. */
  get listeners(): number {
    return this.#listeners.size + this.#opening;
  }

  /**
   * Opens a stream: status and state at once, then what is new, and the log from where it was left.
   *
   * @param lastId of the last log entry that the reader has; null = only new ones
   */
  async open(lastId: string | null): Promise<ReadableStream<Uint8Array>> {
    const listener = new EventListener((ended) => this.#remove(ended));
    this.#opening++;
    const status = await this.#source.status().finally(() => this.#opening--);
    listener.send(this.#encoder.encode("retry: 3000\n\n"));
    listener.send(this.#encode("status", status));
    listener.send(this.#encode("state", shownState(this.#source.state().fields)));
    for (const entry of lastId === null ? [] : this.#missed(lastId)) listener.send(this.#encodeLog(entry));
    this.#listeners.add(listener);
    this.#watching ??= this.#watch();
    return listener.stream;
  }

  /** Tells everybody of a log entry. */
  tellLog(entry: LogEntryJson & { id: string }): void {
    if (this.#listeners.size > 0) this.#sendAll(this.#encodeLog(entry));
  }

  close(): void {
    for (const listener of [...this.#listeners]) listener.close();
  }

  #remove(listener: EventListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#watching?.abort();
    this.#watching = undefined;
  }

  /** Runs until the last listener is gone. */
  #watch(): AbortController {
    const watching = new AbortController();
    const { signal } = watching;
    const heartbeat = setInterval(() => this.#sendAll(this.#encoder.encode(":\n\n")), this.#pace.heartbeatMs);
    const stopPoints = this.#source.watchPoints((points) => this.#send("points", pointsJson(points)));
    signal.addEventListener("abort", () => {
      clearInterval(heartbeat);
      stopPoints();
    });
    for (const work of [this.#watchStatus(signal), this.#watchState(signal)]) {
      work.catch((error) => {
        this.#onFailure(error);
        this.close(); // browsers come again
      });
    }
    return watching;
  }

  async #watchStatus(signal: AbortSignal): Promise<void> {
    const { statusMs, unchangedStatusMs } = this.#pace;
    let sent = "";
    let sentMs = -Infinity;
    while (await pause(statusMs, signal)) {
      const status = await this.#source.status();
      const compared = essence(status);
      const nowMs = performance.now();
      if (signal.aborted || compared === sent && nowMs - sentMs < unchangedStatusMs - statusMs / 2) {
        continue;
      }
      [sent, sentMs] = [compared, nowMs];
      this.#send("status", status);
    }
  }

  async #watchState(signal: AbortSignal): Promise<void> {
    let { sequence } = this.#source.state();
    while (await this.#source.stateChangedSince(sequence, signal)) {
      const state = this.#source.state();
      sequence = state.sequence;
      this.#send("state", shownState(state.fields));
      await pause(this.#pace.stateMs, signal);
    }
  }

  /** The newest of what a reader has missed. */
  #missed(lastId: string): (LogEntryJson & { id: string })[] {
    let left = MAX_RESUMED;
    return this.#logs.ring.after(lastId).toReversed().filter(({ subject, details }) => {
      left -= subject.length + details.length + 100;
      return left > 0;
    }).reverse();
  }

  #send(event: string, value: unknown): void {
    if (this.#listeners.size > 0) this.#sendAll(this.#encode(event, value));
  }

  #sendAll(bytes: Uint8Array): void {
    for (const listener of [...this.#listeners]) listener.send(bytes);
  }

  #encodeLog(entry: LogEntryJson & { id: string }): Uint8Array {
    return this.#encode("log", entry, `id: ${entry.id}\n`);
  }

  #encode(event: string, value: unknown, id = ""): Uint8Array {
    const json = JSON.stringify(redactTexts(value, (text) => this.#source.redact(text)));
    return this.#encoder.encode(`event: ${event}\n${id}data: ${json}\n\n`);
  }
}

function pointsJson({ timeMs, values }: Points): PointsJson {
  return { time_ms: timeMs, values };
}

/** Changes although nothing has happened. */
const RESTLESS = new Set([
  "text",
  "time_ms",
  "uptime_seconds",
  "rss_bytes",
  "main_heap_bytes",
  "heap_bytes",
  "free_bytes",
  "seconds_since_heartbeat",
]);

/** What two statuses are compared by. */
function essence(status: StatusJson): string {
  return JSON.stringify(status, (key, value) => RESTLESS.has(key) ? undefined : value);
}
