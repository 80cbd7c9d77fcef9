// Runs in: any thread.
import type { ErrorReport } from "./errors.ts";
import type { Fault } from "./faults.ts";
import type { Level, Variant } from "./message.ts";
import type { JsonSchema } from "./secrets.ts";
import type { State } from "./state.ts";
import type { StorageSettings } from "./config.ts";

// Every message that crosses threads is a member of one of the unions below. Who sends it to whom is in the name.

/** A log line on its way to main's sinks. */
export interface LogEntry {
  level: Level;
  /** The component's name, for example a procedure's. */
  origin: string;
  subject: string;
  /** More lines: values, a stack trace. Empty when there are none. */
  details: string;
  /** Unix milliseconds, when it was logged. */
  timeMs: number;
}

/** What every worker tells main, whatever it does. */
export type FromAnyWorker =
  | { type: "beat"; heapBytes: number; externalBytes: number }
  | { type: "log"; entry: LogEntry }
  | { type: "failed"; error: ErrorReport };

/** The whole shared state as of one place in main's order. */
export interface StateSnapshot {
  sequence: number;
  state: State;
}

/** What a procedure may know about the node it runs on. */
export interface NodeFacts {
  systemIdentifier: string;
  softwareVersion: string;
  /** Holds the PID; a file that everybody may read, on the file system that the measurements are on. */
  lockFile: string;
  /** Unix milliseconds. */
  agentStartedMs: number;
}

export type MainToProcedure =
  | { type: "check"; settings: unknown; beatIntervalMs: number }
  | { type: "run"; node: NodeFacts; storePort: MessagePort; snapshot: StateSnapshot; generation: number }
  | { type: "store_port"; storePort: MessagePort }
  | { type: "self_test"; node: NodeFacts; snapshot: StateSnapshot; generation: number }
  | { type: "device_answer"; requestId: number; text?: string; names?: string[]; error?: string }
  | { type: "state_answer"; requestId: number; verdict: StateVerdict; snapshot: StateSnapshot }
  | { type: "teardown" };

export type ProcedureToMain =
  | FromAnyWorker
  | { type: "announce"; name: string; settingsSchema: JsonSchema }
  | { type: "checked"; faults: Fault[] }
  | { type: "started" }
  | { type: "self_tested"; error: ErrorReport | null }
  | {
    type: "device_request";
    requestId: number;
    operation: "read" | "list" | "write";
    path: string;
    text?: string;
  }
  | { type: "state_request"; requestId: number; request: StateRequest }
  | { type: "torn_down" };

/** What a replica asks of the one sequencer: the whole state, or a change that was made on top of `baseSequence`. */
export type StateRequest =
  | { kind: "whole" }
  | { kind: "change"; generation: number; baseSequence: number; fields: Partial<State> };

/** `conflict`: another write to the same fields came in between; make the change again on the snapshot. */
export type StateVerdict = { kind: "ok" } | { kind: "conflict" } | { kind: "refused"; reason: string };

/** What main broadcasts to every replica after each accepted change; no fields = only "this is the latest". */
export interface StateBroadcast {
  sequence: number;
  fields: Partial<State>;
}

/** Identifies who sent messages, across restarts of the store but not of the sender. */
export interface Producer {
  name: string;
  /** Counts the workers that bore the name since the agent started; 0 is main itself. */
  generation: number;
}

/** One message on its way to the store. `body` is the JSON text of its `message_body`. */
export interface OutgoingMessage {
  /** Counts the messages of this producer from 1; sent again with the same number after the store restarted. */
  sequence: number;
  /** Unix milliseconds, when the producer handed it over. */
  timeMs: number;
  variant: Variant;
  body: string;
}

export type ProducerToStore = { type: "append"; messages: OutgoingMessage[] };

export type StoreToProducer =
  | { type: "appended"; sequences: number[] }
  | { type: "refused"; sequences: number[]; reason: string };

/** A stored message as the store shows it: the line of the daily file (without its end), and who sent it. */
export interface StoredMessage {
  origin: string;
  line: string;
}

/** What the store counts; survives restarts. */
export interface StoreStatistics {
  lastId: number;
  stored: Record<Variant, number>;
  /** Messages that are not yet in a synced daily file or that a backend still waits for. */
  waiting: number;
  refused: number;
  databaseBytes: number;
  freeBytes: number;
}

export type MainToStore =
  | { type: "open"; directory: string; runId: string; settings: StorageSettings; beatIntervalMs: number }
  | { type: "attach_producer"; producer: Producer; port: MessagePort }
  | { type: "detach_producer"; producer: Producer }
  | { type: "watch"; watching: boolean }
  | { type: "statistics"; requestId: number }
  | { type: "close" };

export type StoreToMain =
  | FromAnyWorker
  | { type: "opened" }
  | { type: "stored"; messages: StoredMessage[] }
  | { type: "statistics_answer"; requestId: number; statistics: StoreStatistics }
  | { type: "closed" };
