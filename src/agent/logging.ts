// Runs in: main thread.
import { getFileSink } from "@logtape/file";
import { configureSync, disposeSync, getLogger, type LogRecord, type Sink } from "@logtape/logtape";
import { join } from "@std/path";
import type { Config } from "../shared/config.ts";
import { createLogLimiter, type LogLimiter } from "../shared/log_limiter.ts";
import { createLogger, type Logger } from "../shared/logger.ts";
import { levelRank } from "../shared/message.ts";
import type { LogEntry } from "../shared/protocol.ts";
import { utcDay } from "../shared/time.ts";
import { HiddenTexts } from "./hidden_texts.ts";
import { formatEntry } from "./log_format.ts";

export interface LoggingOptions {
  thresholds: Config["logging_verbosity"];
  /** `<root>/data/logs`. */
  directory: string;
  /** Prints on the console; false when there is no terminal that wants colours. */
  colour: boolean;
  /** Stores a log message; undefined until the store can be reached. */
  sendMessage: (entry: LogEntry) => void;
}

export interface Logging {
  /** Writes an entry of any component to every sink whose threshold it reaches; workers limit their own. */
  write(entry: LogEntry): void;
  /** For main's own lines, which a server may provoke: so many at once, then so many a second, of each component. */
  logger(origin: string): Logger;
  /** Calls back for every entry, whatever its level, until the returned function is called. */
  watch(listener: (entry: LogEntry) => void): () => void;
  /** Adds values that must not stand in any log. */
  hide(secrets: string[]): void;
  /** Changes from which level on the sinks take entries. */
  setThresholds(thresholds: Config["logging_verbosity"]): void;
  /** A text without those values. */
  redact(text: string): string;
  /** Makes the file again when it was removed, renamed or replaced. @returns the path of what was made. */
  renew(): string[];
  close(): Promise<void>;
}

/** How often floods are looked for that have ended, in milliseconds. */
const SUM_UP_MS = 5000;

type SinkName = keyof Config["logging_verbosity"];

const LOGTAPE_LEVELS = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warning",
  ERROR: "error",
  EXCEPTION: "fatal",
} as const;

/** Sets up the three sinks: console, daily file, messages. */
export function setUpLogging(options: LoggingOptions): Logging {
  const file = dailyFileSink(options.directory);
  let { thresholds } = options;
  const atLeast = (name: SinkName, sink: Sink): Sink => (record) => {
    const threshold = thresholds[name];
    if (threshold !== null && levelRank(entryOf(record).level) >= levelRank(threshold)) sink(record);
  };
  const sinks: Record<SinkName, Sink> = {
    file_archive: atLeast("file_archive", file.sink),
    console_prints: atLeast("console_prints", consoleSink(options.colour)),
    message_sending: atLeast("message_sending", (record) => options.sendMessage(entryOf(record))),
  };
  configureSync({
    reset: true,
    sinks,
    loggers: [
      { category: "ivy", lowestLevel: "debug", sinks: Object.keys(sinks) as SinkName[] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["console_prints"] },
    ],
  });
  const hidden = new HiddenTexts();
  const watchers = new Set<(entry: LogEntry) => void>();
  const write = (entry: LogEntry) => {
    const { subject, details } = entry;
    const shown = { ...entry, subject: hidden.redact(subject), details: hidden.redact(details) };
    emit(shown);
    for (const tell of watchers) tell(shown);
  };
  const limiters = new Map<string, LogLimiter>();
  const limiterOf = (origin: string) => {
    const known = limiters.get(origin) ?? createLogLimiter({ now: () => Date.now(), emit: write });
    limiters.set(origin, known);
    return known;
  };
  const summingUp = setInterval(() => limiters.forEach((limiter) => limiter.tick()), SUM_UP_MS);
  Deno.unrefTimer(summingUp);
  return {
    write,
    watch(listener) {
      watchers.add(listener);
      return () => void watchers.delete(listener);
    },
    logger: (origin) => createLogger(origin, limiterOf(origin).push),
    hide: (more) => hidden.add(more),
    setThresholds: (changed) => void (thresholds = changed),
    redact: (text) => hidden.redact(text),
    renew: () => file.renew(),
    async close() {
      clearInterval(summingUp);
      disposeSync();
      await file.close();
    },
  };
}

/** The origin is in the entry: as a category, logtape would look it up in an object that has a "constructor". */
function emit(entry: LogEntry): void {
  getLogger("ivy").emit({
    level: LOGTAPE_LEVELS[entry.level],
    message: [entry.subject],
    rawMessage: entry.subject,
    timestamp: entry.timeMs,
    properties: { entry },
  });
}

function entryOf(record: LogRecord): LogEntry {
  const entry = record.properties["entry"] as LogEntry | undefined;
  if (entry !== undefined) return entry;
  const subject = record.message.map(String).join(""); // logtape's own words about a sink that fails
  return { level: "ERROR", origin: "logging", subject, details: "", timeMs: record.timestamp };
}

/** A console that is gone must not end the agent. */
function consoleSink(colour: boolean): Sink {
  const encoder = new TextEncoder();
  return (record) => {
    try {
      Deno.stderr.writeSync(encoder.encode(formatEntry(entryOf(record), colour)));
    } catch { /* the terminal was closed; the daily file has the line */ }
  };
}

/** One file per UTC day; logtape's own rotation follows local midnight. */
function dailyFileSink(directory: string): { sink: Sink; renew(): string[]; close(): Promise<void> } {
  const formatter = (record: LogRecord) => formatEntry(entryOf(record));
  const open = (day: string): OpenLog => {
    Deno.mkdirSync(directory, { recursive: true });
    const path = join(directory, `${day}.log`);
    const sink = getFileSink(path, {
      formatter,
      nonBlocking: true,
      bufferSize: 0, // a line is in the file as soon as the one before it is
    }) as unknown as OpenLog["sink"];
    return { day, path, sink, inode: inodeOf(path) };
  };
  Deno.mkdirSync(directory, { recursive: true });
  let today: OpenLog | undefined;
  const renew = (day: string | undefined) => {
    if (day === undefined || (today?.day === day && inodeOf(today.path) === today.inode)) return [];
    const before = today;
    today = open(day);
    void before?.sink[Symbol.asyncDispose]();
    return before?.day === day ? [today.path] : [];
  };
  return {
    sink(record) {
      for (const path of renew(utcDay(record.timestamp))) today!.sink(renewedRecord(record, path));
      today!.sink(record);
    },
    renew: () => renew(today?.day),
    close: async () => await today?.sink[Symbol.asyncDispose](),
  };
}

interface OpenLog {
  day: string;
  path: string;
  sink: Sink & AsyncDisposable;
  /** Of the file that was opened; while it is open, it is given to no other. */
  inode: string | undefined;
}

/** Tells one file from another on this machine; undefined when there is none. */
function inodeOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** The file tells why its first lines are missing, before the line that is written to it. */
function renewedRecord(record: LogRecord, path: string): LogRecord {
  const subject = `${path} was removed or replaced while Ivy ran; it is made again`;
  const entry: LogEntry = {
    level: "WARNING",
    origin: "logging",
    subject,
    details: "",
    timeMs: record.timestamp,
  };
  return { ...record, level: "warning", message: [subject], rawMessage: subject, properties: { entry } };
}
