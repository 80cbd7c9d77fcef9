// Runs in: main thread.
import { cutText } from "../../shared/text.ts";
import { type Level, levelRank } from "../../shared/message.ts";
import type { LogEntry } from "../../shared/protocol.ts";
import type { LogEntryJson } from "./api.ts";

const MAX_ENTRIES = 1000;
/** Longer texts are cut off: the daily file has them whole. */
const MAX_SUBJECT = 1000;
const MAX_DETAILS = 4000;

/** An entry that has a place in the ring. */
export type RingEntry = LogEntryJson & { id: string };

/** Which log entries somebody wants; null = all. */
export interface LogFilter {
  level: Level | null;
  origin: string | null;
  /** Is looked for in subject and details; case does not count. */
  text: string | null;
}

/** The newest log entries, numbered, so that a stream that was cut off goes on where it was. */
export class LogRing {
  /** Tells this run's numbers from those of another. */
  #run: string;
  #entries: RingEntry[] = [];
  #lastNumber = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** Of the newest entry. */
  get lastId(): string {
    return this.#idOf(this.#lastNumber);
  }

  get entries(): readonly RingEntry[] {
    return this.#entries;
  }

  add(entry: LogEntry): RingEntry {
    const numbered = { ...logEntryJson(entry), id: this.#idOf(++this.#lastNumber) };
    this.#entries.push(numbered);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
    return numbered;
  }

  /** What came after an entry; all that there is when the entry is too old, or of another run. */
  after(id: string): readonly RingEntry[] {
    const [run, number] = id.split("-");
    if (run !== this.#run) return this.#entries;
    const missed = this.#lastNumber - Number(number);
    if (!(missed >= 0)) return this.#entries;
    return missed === 0 ? [] : this.#entries.slice(-missed);
  }

  #idOf(number: number): string {
    return `${this.#run}-${number}`;
  }
}

export function logEntryJson({ timeMs, level, origin, subject, details }: LogEntry): LogEntryJson {
  return {
    id: null,
    time_ms: timeMs,
    level,
    origin,
    subject: cut(subject, MAX_SUBJECT),
    details: cut(details, MAX_DETAILS),
  };
}

export function fits(entry: LogEntryJson, { level, origin, text }: LogFilter): boolean {
  if (level !== null && levelRank(entry.level) < levelRank(level)) return false;
  if (origin !== null && entry.origin !== origin) return false;
  if (text === null) return true;
  const wanted = text.toLowerCase();
  return entry.subject.toLowerCase().includes(wanted) || entry.details.toLowerCase().includes(wanted);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${cutText(text, length)}…`;
}
