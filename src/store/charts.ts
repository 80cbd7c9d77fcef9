// Runs in: store worker.
import { linesOfDay, messageDays } from "../shared/message_files.ts";
import type { Row } from "../shared/message_line.ts";
import type { SeriesAnswer, SeriesQuery } from "../shared/protocol.ts";
import { pause, utcDay } from "../shared/time.ts";
import { Series } from "./series.ts";

const DAY_MS = 86_400_000;
/** How often the newest values are told, in milliseconds. */
const TELL_MS = 500;
/** Of how many keys at most. */
const MAX_TOLD_KEYS = 200;
/** After so many lines the store does its other work; while nobody waits for them there is a pause, in milliseconds. */
const SLICE_LINES = 250;
const PAUSE_MS = 20;

/** The newest values, by key. */
export interface Points {
  /** Unix milliseconds of the newest. */
  timeMs: number;
  values: Record<string, number>;
}

export interface ChartsOptions {
  /** `<root>/data/messages`. */
  directory: string;
  /** The corrected time of a row, Unix milliseconds. */
  correct: (row: Row) => number;
  lastId: () => number;
  now: () => number;
  onPoints: (points: Points) => void;
}

/**
 * What the status page draws. The last 24 hours are read from the daily files when they are first asked for, in slices
 * between which the store does its work, and kept up to date from then on.
 */
export class Charts {
  #options: ChartsOptions;
  #series: Series | undefined;
  /** Resolves to the series once the files are read. */
  #filled: Promise<Series> | undefined;
  #isWatched = false;
  #points: Points | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** Aborted as soon as somebody waits. */
  #leisure = new AbortController();

  constructor(options: ChartsOptions) {
    this.#options = options;
  }

  /** Reads the files first, if that has not been done; at leisure for a query of no keys, which only prepares. */
  async read(query: SeriesQuery): Promise<SeriesAnswer> {
    if (query.keys?.length !== 0) this.#leisure.abort();
    this.#filled ??= this.#fill().catch((error) => {
      this.#filled = undefined; // it may work next time
      this.#series = undefined;
      throw error;
    });
    return (await this.#filled).read(query);
  }

  /** Whether anybody wants to know of new values. */
  watch(isWatched: boolean): void {
    this.#isWatched = isWatched;
  }

  /** Takes over what was just stored. */
  add(rows: Row[]): void {
    if (this.#series === undefined && !this.#isWatched) return;
    for (const row of rows) {
      if (row.variant !== "data") continue;
      const { data } = JSON.parse(row.body) as { data: Record<string, unknown> };
      this.#series?.add(this.#options.correct(row), data);
      if (this.#isWatched) this.#collect(this.#options.correct(row), data);
    }
  }

  /** Ends the reading of files, too. */
  close(): void {
    this.#isClosed = true;
    this.#leisure.abort();
    clearTimeout(this.#timer);
  }

  #collect(timeMs: number, data: Record<string, unknown>): void {
    this.#points ??= { timeMs, values: {} };
    const { values } = this.#points;
    this.#points.timeMs = timeMs;
    for (const [key, value] of Object.entries(data)) {
      if (typeof value !== "number") continue;
      if (key in values || Object.keys(values).length < MAX_TOLD_KEYS) values[key] = value;
    }
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const points = this.#points;
    this.#points = undefined;
    if (points !== undefined && this.#isWatched) this.#options.onPoints(points);
  }

  /** What is committed meanwhile comes by {@link add}. */
  async #fill(): Promise<Series> {
    const { directory, now, lastId } = this.#options;
    const series = this.#series = new Series(now);
    const fromMs = now() - DAY_MS;
    const untilId = lastId();
    let lines = 0;
    for (const day of messageDays(directory).filter((day) => day >= utcDay(fromMs))) {
      for await (const line of linesOfDay(directory, day)) {
        if (this.#isClosed) return series;
        this.#addLine(series, line, untilId);
        if (++lines % SLICE_LINES === 0) await this.#rest();
      }
    }
    return series;
  }

  async #rest(): Promise<void> {
    const { signal } = this.#leisure;
    if (signal.aborted) await new Promise((resolve) => setImmediate(resolve));
    else await pause(PAUSE_MS, signal);
  }

  #addLine(series: Series, line: string, untilId: number): void {
    if (!line.includes('"variant":"data"')) return;
    try {
      const { id, timestamp, boot = null, monotonic_ms = null, message_body: { data } } = JSON.parse(line);
      if (!(id <= untilId)) return;
      const row: Row = { id, variant: "data", time_ms: timestamp * 1000, boot, monotonic_ms, body: "" };
      series.add(this.#options.correct(row), data);
    } catch { /* a damaged line is not drawn */ }
  }
}
