// Runs in: any thread.
import type { ErrorReport } from "./errors.ts";
import type { Fault } from "./faults.ts";
import type { Level, Variant } from "./message.ts";
import type { JsonSchema } from "./secrets.ts";
import type { FieldTexts } from "./state_fields.ts";
import type { StorageSettings } from "./config.ts";
import type { Trust } from "./signatures.ts";

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

/** How a worker's thread is to lock itself before anything else of it runs. No locked thread sends signals. */
export type LockOrder =
  /** Nothing else is locked. */
  | { kind: "signals" }
  /** It opens no file by its name, but for paths that lie in the C library, so many bytes from its beginning. */
  | { kind: "seccomp"; allowedPaths: number[] }
  /** It reads nothing but these files, and what lies below these folders. */
  | { kind: "landlock"; folders: string[]; files: string[] };

/** The first message of a worker that had to lock itself, before anything else of it has run. Null: the lock holds. */
export type LockToMain = { type: "locked"; failure: string | null };

/**
 * The fields of the shared state that changed after the place `since` in main's order, as they are at the place
 * `sequence`; since 0 it is the whole state.
 */
export interface StateDelta {
  since: number;
  sequence: number;
  fields: FieldTexts;
}

/** A worker's door to the shared state. */
export interface StateDoor {
  port: MessagePort;
  /** The BroadcastChannel that main tells changes on. It may drop some: main tells the latest place by the port. */
  channel: string;
  whole: StateDelta;
}

/** A change was made on top of the place `since`, and depends on the `touched` fields. One at a time. */
export type ReplicaToAuthority =
  | { type: "change"; since: number; touched: string[]; fields: FieldTexts }
  | { type: "catch_up"; since: number };

/** Main's broadcast. Every worker may send on the channel: it counts once main has confirmed it by the port. */
export type StateBroadcast = { type: "changed"; delta: StateDelta };

/** What main's own thread for broadcasts is to send, and where. */
export interface MainToBroadcaster {
  channel: string;
  message: StateBroadcast;
}
/** It can take the next one. */
export type BroadcasterToMain = { type: "taken" };

/** By the port, which main alone sends on. Not accepted: make the change again on the new state. */
export type AuthorityToReplica =
  /** Main has broadcast the change with this digest. */
  | { type: "confirmed"; sequence: number; digest: string }
  | { type: "latest"; sequence: number }
  | { type: "missed"; delta: StateDelta }
  | { type: "judged"; isAccepted: boolean; delta: StateDelta };

/** How much space there is on the disk that the measurements are on, in bytes. */
export interface DiskSpace {
  /** For an ordinary user. */
  freeBytes: number;
  /** Of the whole file system. */
  sizeBytes: number;
}

/** What a procedure may know about the node it runs on. */
export interface NodeFacts {
  /** The node's name, `general.system_identifier`. */
  systemIdentifier: string;
  /** Of the program that runs. */
  softwareVersion: string;
  /** Unix milliseconds. */
  agentStartedMs: number;
}

export type MainToProcedure =
  | { type: "check"; settings: unknown; beatIntervalMs: number }
  | { type: "run"; node: NodeFacts; storePort: MessagePort; state: StateDoor }
  | { type: "store_port"; storePort: MessagePort }
  | { type: "self_test"; node: NodeFacts; state: StateDoor }
  /** A server wants something of this procedure. */
  | { type: "call"; callId: number; method: string; params: unknown }
  | { type: "device_answer"; requestId: number; text?: string; names?: string[]; error?: string }
  | { type: "disk_answer"; requestId: number; space: DiskSpace | null }
  | { type: "teardown"; graceMs: number };

export type ProcedureToMain =
  | FromAnyWorker
  | {
    type: "announce";
    name: string;
    settingsSchema: JsonSchema;
    hasSelfTest: boolean;
    /** What servers may call, with the schema of its parameters. */
    methods: Record<string, JsonSchema>;
  }
  | { type: "call_answer"; callId: number; result?: unknown; error?: string }
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
  | { type: "disk_request"; requestId: number }
  | { type: "torn_down" };

/**
 * Identifies who sent messages, across restarts of the store but not of the sender. Main hands it out once and binds it
 * to a port; the sender neither knows nor chooses it.
 */
export interface Producer {
  name: string;
  /** Counts the workers since the agent started, all of them, so that none comes twice; 0 is main itself. */
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

/** What a backend may know about the node it speaks for. Times are Unix milliseconds. */
export interface BackendFacts {
  /** The node's name, `general.system_identifier`. */
  systemIdentifier: string;
  /** Of the program that runs. */
  softwareVersion: string;
  /** Of the configuration in use; -1 = it never came from afar. */
  configRevision: number;
  /** Since when this configuration is in use. */
  configuredMs: number;
  /** The kind of machine, for example `aarch64-unknown-linux-gnu`. */
  target: string;
  /** Unix milliseconds. */
  agentStartedMs: number;
  /** When the machine started, Unix milliseconds. */
  bootedMs: number;
  /** Names the store: an id is unique within one. Null when the store could not say. */
  storeId: string | null;
  /** What the backend asked main to keep; null when there is nothing. */
  kept: unknown;
  /** Title of the package that the running version came in. */
  packageTitle: string;
}

/** A version that a server offers as one file: a package, see `shared/package_file.ts`. */
export interface PackageOffer {
  /** As the server names it. */
  title: string;
  /** The version that is in it. */
  version: string;
  /** Of the whole file. */
  sizeBytes: number;
  /** In hexadecimal digits. It shows what broke on the way; who made the package is a matter of signatures. */
  checksum: string;
  /** How the checksum is made. */
  algorithm: "SHA256" | "SHA384" | "SHA512";
}

/** A package that cannot be brought by this backend, with the reason. */
export type UnusableOffer = Pick<PackageOffer, "title" | "version"> & { fault: string };

/** How far a node is with a package, in the words that ThingsBoard expects. */
export type PackageState = "DOWNLOADING" | "DOWNLOADED" | "VERIFIED" | "UPDATING" | "UPDATED" | "FAILED";

/** One word of it, to be told to the server. */
export interface PackageReport {
  /** Names the report until it is told. */
  reportId: number;
  /** How far it is. */
  state: PackageState;
  /** Only with FAILED. */
  error?: string;
  /** The package that runs while this is told. */
  currentTitle: string;
  /** Its version. */
  currentVersion: string;
}

/** Who fetches a package asks a backend for what follows a byte, one part at a time. */
export type FetcherToBackend = { type: "want"; offset: number };
export type BackendToFetcher =
  | { type: "part"; offset: number; bytes: Uint8Array<ArrayBuffer> }
  /** The server has said no. */
  | { type: "refused"; reason: string };

export type MainToBackend =
  | { type: "check"; settings: unknown; beatIntervalMs: number }
  /** `addresses` of the names that it may reach, as far as they could be resolved: it may reach those, too. */
  | {
    type: "run";
    name: string;
    facts: BackendFacts;
    addresses: Record<string, string[]>;
    storePort: MessagePort;
  }
  /** Bring the package that the server offers to whoever is at the other end. */
  | { type: "package_port"; port: MessagePort }
  | { type: "package_report"; report: PackageReport }
  | { type: "store_port"; storePort: MessagePort }
  /** Facts have changed. */
  | { type: "facts"; facts: BackendFacts }
  | { type: "call_answer"; callId: number; result?: unknown; error?: string }
  | { type: "teardown" };

export type BackendToMain =
  | FromAnyWorker
  | { type: "announce"; provider: string; settingsSchema: JsonSchema }
  | { type: "checked"; faults: Fault[] }
  | { type: "started" }
  /** `held`: what the server does not take now, and why; null = nothing. */
  | { type: "connection"; isConnected: boolean; detail: string; held: string | null }
  /** A configuration from the server, unjudged; `excess`: why it is too much to be handed on (`config` is null then). */
  | { type: "configuration"; revision: number; config: unknown; excess?: string }
  /** The server wants something done on this node. */
  | { type: "call"; callId: number; method: string; params: unknown }
  /** To be kept for the next start, where nobody else can read it. */
  | { type: "keep"; value: unknown }
  /** The server offers a package, or (null) none any more; it repeats itself after each connect. */
  | { type: "package"; offer: PackageOffer | UnusableOffer | null }
  | { type: "package_report_told"; reportId: number }
  | { type: "torn_down" };

/** A message that a backend has leased. */
export interface LeasedMessage {
  /** Its place in the store. */
  id: number;
  /** Unix seconds, UTC, corrected when the clock was wrong while it was measured. */
  timestamp: number;
  /** Its kind. */
  variant: Variant;
  /** JSON text of `message_body`. */
  body: string;
}

export type BackendToStore =
  /** At most one at a time. Answered by `leased`, also when there is nothing. */
  | { type: "lease"; maxMessages: number; maxBytes: number; without?: Variant[] }
  /** The server has these. */
  | { type: "acknowledge"; ids: number[] }
  /** These were not sent after all; they come first in a later lease. */
  | { type: "give_back"; ids: number[] }
  /** This one can never be sent to this server; it is kept, counted and listed, and holds up no other. */
  | { type: "park"; id: number; reason: string };

export type StoreToBackend =
  /** Oldest first; configuration status before logs before data. Empty = wait for `available`. */
  | { type: "leased"; messages: LeasedMessage[] }
  /** There is something to lease again, after a lease that was not filled. */
  | { type: "available" }
  /** These acknowledgements, parkings and returns are durable. */
  | { type: "settled"; ids: number[] };

/** What the store counts for one backend: accepted = acknowledged + waiting + parked + dropped. */
export interface BackendStatistics {
  accepted: number;
  acknowledged: number;
  waiting: number;
  parked: number;
  dropped: number;
  /** Unix milliseconds of the oldest message that waits; null when none does. */
  oldestWaitingMs: number | null;
}

/** How a backend's server acknowledges, since the store was started. */
export interface SentStatistics {
  /** Messages per second, over the last minute. */
  perSecond: number;
  /** Unix milliseconds of the last acknowledgement; null when there was none. */
  lastMs: number | null;
}

/** What the store counts; survives restarts but for {@link SentStatistics}. */
export interface StoreStatistics {
  storeId: string;
  lastId: number;
  stored: Record<Variant, number>;
  /** Messages that at least one backend still waits for. */
  waiting: number;
  /** Messages whose daily file has not been synced yet (they are safe in the outbox). */
  unsynced: number;
  refused: number;
  backends: Record<string, Record<Variant, BackendStatistics>>;
  sent: Record<string, SentStatistics>;
  databaseBytes: number;
  freeBytes: number;
}

/** A message that a backend could not send, as `ivy messages parked list` shows it. */
export interface ParkedMessage {
  backend: string;
  id: number;
  timestamp: number;
  variant: Variant;
  body: string;
  reason: string;
  parkedMs: number;
}

/** How far the clock of a boot was off, so that times of that boot can be put right. */
export interface ClockCorrection {
  boot: string;
  /** Unix milliseconds at the boot's monotonic zero. */
  bootedMs: number;
}

/** What the thread that checks the database says: null = it is whole. */
export type CheckerToMain = FromAnyWorker | { type: "checked_database"; damage: string | null };

/**
 * Times are Unix milliseconds; null = every key, the last 24 hours, now, the usual number of points. No keys: nobody
 * waits, the store only gets ready to answer.
 */
export interface SeriesQuery {
  keys: string[] | null;
  fromMs: number | null;
  toMs: number | null;
  points: number | null;
}

/** Numbers over time: the value at index i covers `bucketMs` from `fromMs` + i × `bucketMs`; null = nothing measured. */
export interface SeriesAnswer {
  fromMs: number;
  bucketMs: number;
  keys: Record<string, Record<"mean" | "min" | "max", (number | null)[]>>;
  /** How many keys there are beyond those that are kept. */
  leftOut: number;
}

/** What a command asks of the store, and the answer by kind. */
export type StoreRequest =
  | { kind: "statistics" }
  | { kind: "corrections" }
  /** The last 24 hours of the numbers that were measured. */
  | { kind: "series"; query: SeriesQuery }
  /** Sends the messages of daily files again to one backend; times are Unix milliseconds, `toMs` excluded. */
  | { kind: "replay"; backend: string; fromMs: number; toMs: number }
  | { kind: "parked_list"; backend: string | null; afterId: number; limit: number }
  | { kind: "parked_retry" | "parked_drop"; backend: string; ids: number[] | "all" };

export interface StoreAnswers {
  statistics: StoreStatistics;
  corrections: ClockCorrection[];
  series: SeriesAnswer;
  replay: { replayId: number };
  parked_list: ParkedMessage[];
  parked_retry: { count: number };
  parked_drop: { count: number };
}

/** Where and on what terms the store works. */
export interface StoreOpening {
  /** `<root>/data`. */
  directory: string;
  /** Names this run of the agent. */
  runId: string;
  settings: StorageSettings;
  /** Names of the configured backends; null = leave their places as they are (a command reads, no agent runs). */
  backends: string[] | null;
  /** The kernel's boot, and how long ago it was. */
  boot: { id: string; uptimeMs: number };
  /** Whether the wall clock is known to be right. */
  clockTrusted: boolean;
  /** False while this version of Ivy may still be left for the one before, which must find what it can read. */
  isProven: boolean;
}

export type MainToStore =
  | { type: "open"; opening: StoreOpening; beatIntervalMs: number }
  | { type: "attach_producer"; producer: Producer; port: MessagePort }
  | { type: "detach_producer"; producer: Producer }
  | { type: "attach_backend"; name: string; port: MessagePort }
  /** The backend's worker has ended: its leases return. */
  | { type: "detach_backend"; name: string }
  /** The set of configured backends has changed. */
  | { type: "set_backends"; names: string[] }
  /** The wall clock is known to be right from now on, or no longer. */
  | { type: "clock_trust"; isTrusted: boolean }
  /** Another thread has found the database damaged. */
  | { type: "damaged"; reason: string }
  | { type: "watch"; watching: boolean }
  /** Somebody looks at charts, or nobody does any more. */
  | { type: "watch_points"; watching: boolean }
  | { type: "request"; requestId: number; request: StoreRequest }
  | { type: "close" };

export type MainToChecker = { type: "check_database"; path: string };

export type StoreToMain =
  | FromAnyWorker
  /** `checkDatabase`: it is large and should be checked by another thread. */
  | { type: "opened"; checkDatabase: boolean }
  | { type: "stored"; messages: StoredMessage[] }
  /** The newest number of each key that was measured since the last time; `timeMs` is that of the newest. */
  | { type: "points"; timeMs: number; values: Record<string, number> }
  | { type: "answer"; requestId: number; answer: StoreAnswers[keyof StoreAnswers] | { error: string } }
  /** A producer or backend sends through its port what was not agreed on: its port is closed. */
  | { type: "invalid_message"; sender: PortSender; reason: string }
  | { type: "closed" };

/** Whose port to the store it is. */
export interface PortSender {
  kind: "producer" | "backend";
  name: string;
  /** Of the worker. */
  generation: number;
}

/** Where releases come from. */
export type ReleaseSource =
  | { kind: "http"; baseUrl: string }
  /** `host` with or without its scheme. */
  | { kind: "github" | "gitlab"; host: string; repository: string }
  /** A backend brings it, through a port that comes with the order. */
  | { kind: "package"; offer: PackageOffer }
  /** The files lie in the staging folder. */
  | { kind: "local" };

/** What the release worker is to get. */
export interface ReleaseOrder {
  source: ReleaseSource;
  /** Shown to the source's own host only. */
  token: string | null;
  /** Null = the newest. */
  version: string | null;
  trust: Trust;
  /** The kind of machine, for example `aarch64-unknown-linux-gnu`. */
  target: string;
  /** `<root>/staging`: all that the worker may touch. `base` in it is the binary that runs now. */
  staging: string;
  pace: { stallMs: number; maxKbitS: number | null; retryMs: number; attempts: number };
}

/** `fetch` follows `found`. */
export type MainToRelease =
  | { type: "find"; order: ReleaseOrder; beatIntervalMs: number; packagePort?: MessagePort }
  | { type: "fetch" };

export type ReleaseToMain =
  | FromAnyWorker
  /** The signed list, and its signatures: main verifies and reads them itself. */
  | { type: "found"; sums: Uint8Array<ArrayBuffer>; signatures: string }
  | { type: "progress"; wireBytes: number }
  /** All of it is here, and will be verified now. */
  | { type: "downloaded" }
  /** `staging/ivy` is the release's binary. */
  | { type: "fetched"; wireBytes: number; how: "delta" | "compressed" | "whole" | "local" | "package" }
  | { type: "unavailable"; reason: string; mayMend: boolean };
