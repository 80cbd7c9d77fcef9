// Runs in: main thread.
import { MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES } from "../../shared/config_bounds.ts";
import { type ErrorReport, MAX_CAUSES, MAX_ERROR_MESSAGE, MAX_ERROR_STACK } from "../../shared/errors.ts";
import type { Fault } from "../../shared/faults.ts";
import { LEVELS } from "../../shared/message.ts";
import { MAX_LOG_DETAILS, MAX_LOG_SUBJECT } from "../../shared/logger.ts";
import type {
  BackendToMain,
  CheckerToMain,
  LockToMain,
  LogEntry,
  PackageOffer,
  ProcedureToMain,
  ReleaseToMain,
  StoreToMain,
  UnusableOffer,
} from "../../shared/protocol.ts";
import { MAX_SUMS_BYTES } from "../../shared/release.ts";
import type { JsonSchema } from "../../shared/secrets.ts";
import {
  bytes,
  decoderOf,
  either,
  flag,
  integer,
  json,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
} from "../../shared/shape.ts";
import { MAX_TIME_MS } from "../../shared/time.ts";

// What main takes from each kind of worker. Main has every permission, so whatever else comes is a failure of its sender.

const MAX_NAME = 256;
const MAX_SENTENCE = 65_536;
const MAX_FAULTS = 1000;
const MAX_BYTES = 2 ** 50;
/** What a server has sent, as far as its backend hands it on. */
const fromServer = json({ maxValues: MAX_VALUES + 1, maxLength: MAX_CHARACTERS, maxDepth: MAX_DEPTH });
const schema = json() as Shape<JsonSchema>;
const name = text(MAX_NAME);
const sentence = text(MAX_SENTENCE);
const requestId = integer(1);
const time = number(0, MAX_TIME_MS);

const logEntry = object<LogEntry>({
  level: oneOf(...LEVELS),
  origin: name,
  subject: text(MAX_LOG_SUBJECT),
  details: text(MAX_LOG_DETAILS),
  timeMs: time,
});

const errorReport = errorReportOf(MAX_CAUSES);

/** @param causes How many may follow. */
function errorReportOf(causes: number): Shape<ErrorReport> {
  const common = { name, message: text(MAX_ERROR_MESSAGE), stack: text(MAX_ERROR_STACK) };
  const last = object<Omit<ErrorReport, "cause">>(common);
  return causes === 0 ? last : object<ErrorReport>({ ...common, cause: optional(errorReportOf(causes - 1)) });
}

const fault = object<Fault>({
  path: list(either(name, integer(0)), 64),
  unknownKey: optional(sentence),
  rule: optional(sentence),
});
const faults = list(fault, MAX_FAULTS);

type FromSomeWorker = ProcedureToMain | BackendToMain | StoreToMain | CheckerToMain | ReleaseToMain;

/** What no worker says a second time in its life: each of these makes main take a step that is not taken back. */
export const SAID_ONCE: ReadonlySet<string> = new Set<FromSomeWorker["type"]>([
  "announce",
  "checked",
  "started",
  "self_tested",
  "torn_down",
  "opened",
  "closed",
  "checked_database",
  "found",
  "downloaded",
  "fetched",
  "unavailable",
]);

/** For how many messages one counts that costs main more than a look: what is kept is synced to the disk. */
export const COUNTS_FOR: ReadonlyMap<string, number> = new Map<FromSomeWorker["type"], number>([
  ["keep", 200],
]);

/** The first word of a thread that had to lock itself. */
export const decodeLock = decoderOf<LockToMain>({ locked: { failure: nullable(sentence) } });

/** What every worker tells; for decoders of one's own. */
export const fromAnyWorker = {
  beat: { heapBytes: integer(0, MAX_BYTES), externalBytes: integer(0, MAX_BYTES) },
  log: { entry: logEntry },
  failed: { error: errorReport },
};

/** From a procedure's worker. */
export const decodeFromProcedure = decoderOf<ProcedureToMain>({
  ...fromAnyWorker,
  announce: {
    name,
    settingsSchema: schema,
    hasSelfTest: flag,
    methods: record(schema, 100),
  },
  call_answer: {
    callId: requestId,
    result: optional(json({ maxValues: 200_000 })),
    error: optional(sentence),
  },
  checked: { faults },
  started: {},
  self_tested: { error: nullable(errorReport) },
  device_request: {
    requestId,
    operation: oneOf("read", "list", "write"),
    path: text(4096),
    text: optional(text(1_048_576)),
  },
  disk_request: { requestId },
  torn_down: {},
});

const offer = object<PackageOffer>({
  title: name,
  version: name,
  sizeBytes: integer(1, MAX_BYTES),
  checksum: name,
  algorithm: oneOf("SHA256", "SHA384", "SHA512"),
});
const unusableOffer = object<UnusableOffer>({ title: name, version: name, fault: sentence });

/** From a backend's worker. */
export const decodeFromBackend = decoderOf<BackendToMain>({
  ...fromAnyWorker,
  announce: { provider: name, settingsSchema: schema },
  checked: { faults },
  started: {},
  connection: { isConnected: flag, detail: sentence, held: nullable(sentence) },
  configuration: { revision: integer(0, 2_147_483_647), config: fromServer, excess: optional(sentence) },
  call: { callId: requestId, method: text(MAX_SENTENCE), params: fromServer },
  keep: { value: json({ maxLength: 65_536 }) },
  package: { offer: nullable(either(offer, unusableOffer)) },
  package_report_told: { reportId: integer(0) },
  torn_down: {},
});

/** From the store's worker. */
export const decodeFromStore = decoderOf<StoreToMain>({
  ...fromAnyWorker,
  opened: { checkDatabase: flag },
  stored: { messages: list(object({ origin: name, line: text(2_200_000) }), 1_000_000) },
  points: { timeMs: number(), values: record(number(), 1000) },
  answer: { requestId, answer: json({ maxValues: 5_000_000, maxLength: 500_000_000 }) as Shape<never> },
  invalid_message: {
    sender: object({ kind: oneOf("producer", "backend"), name, generation: integer(0) }),
    reason: sentence,
  },
  closed: {},
});

/** From the thread that checks the database. */
export const decodeFromChecker = decoderOf<CheckerToMain>({
  ...fromAnyWorker,
  checked_database: { damage: nullable(sentence) },
});

const wireBytes = integer(0, MAX_BYTES);

/** From the thread that fetches a release. */
export const decodeFromRelease = decoderOf<ReleaseToMain>({
  ...fromAnyWorker,
  found: {
    sums: bytes(MAX_SUMS_BYTES),
    signatures: text(MAX_SUMS_BYTES),
  },
  progress: { wireBytes },
  downloaded: {},
  fetched: { wireBytes, how: oneOf("delta", "compressed", "whole", "local", "package") },
  unavailable: { reason: sentence, mayMend: flag },
});
