// Runs in: tests, also in a process whose system calls fail.
import type { Logger } from "../../src/shared/logger.ts";
import type { Variant } from "../../src/shared/message.ts";
import type { StoreToProducer } from "../../src/shared/protocol.ts";
import { openStore } from "../../src/store/open_store.ts";
import type { Store } from "../../src/store/store.ts";
import { bodyOf, keyOf } from "./stored_days.ts";

/** One life of the store: what it is given, and at which time. */
export interface Phase {
  /** Unix milliseconds; far in the future, so that every file is old. */
  nowMs: number;
  /** Messages by their sequence numbers, one commit each; `laterMs` after the phase has begun. */
  commits: { from: number; to: number; laterMs?: number }[];
  /** Backends that fetch all there is. */
  drains: string[];
}

export const BACKENDS = ["near", "far"];
const DAY_MS = 86_400_000;
/** A phase that takes longer is given up, in milliseconds; it takes 50. */
const PATIENCE_MS = 60_000;
const START_MS = Date.parse("2099-03-01T23:59:30Z");

/** The life before the workload: its day is old enough to be removed. */
export const BEFORE: Phase = {
  nowMs: START_MS - 60 * DAY_MS,
  commits: [{ from: 1, to: 5 }],
  drains: BACKENDS,
};
/** Every kind of work: commits, leases, a change of day with compressing, retention, closing. */
export const WORKLOAD: Phase[] = [
  {
    nowMs: START_MS,
    commits: [{ from: 6, to: 6 }, { from: 7, to: 9 }, { from: 10, to: 12, laterMs: 60_000 }], // past midnight
    drains: ["near"],
  },
  {
    nowMs: START_MS + DAY_MS,
    commits: [{ from: 13, to: 17 }, { from: 18, to: 18 }],
    drains: ["far", "near"],
  },
];
/** A store that is made from nothing. */
export const FIRST_LIFE: Phase[] = [{ nowMs: START_MS, commits: [{ from: 1, to: 3 }], drains: BACKENDS }];

export function keyOfSequence(sequence: number): string {
  return `m${sequence}`;
}

export function variantOfSequence(sequence: number): Variant {
  return sequence % 7 === 0 ? "log" : sequence % 5 === 0 ? "config" : "data";
}

export interface LifeOptions {
  /** `<root>/data`. */
  directory: string;
  retentionDays: number | null;
  /** How long a phase may take, in milliseconds; default 20 s. */
  patienceMs?: number;
  /** Told of each promise, as `Evidence` notes it. */
  say: (line: string) => void;
}

/** Runs one phase. @throws when the store fails, as its supervisor would see it. */
export async function live({ nowMs, commits, drains }: Phase, options: LifeOptions): Promise<void> {
  const { say } = options;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const patience = setTimeout(
    () => failed.reject(new Error("the store waits for the disk")),
    options.patienceMs ?? PATIENCE_MS,
  );
  const work = async () => {
    const clock = { nowMs };
    const store = await openAt(clock, options, failed.reject);
    for (const { from, to, laterMs = 0 } of commits) {
      clock.nowMs = nowMs + laterMs;
      await append(store, from, to, say);
    }
    for (const backend of drains) await drain(store, backend, say);
    await store.close();
  };
  await Promise.race([work(), failed.promise]).finally(() => clearTimeout(patience));
}

/** Opens the store as its worker would, with a clock that only moves when it is set, and lets it tidy up. */
export async function openAt(
  clock: { nowMs: number },
  { directory, retentionDays, say }: LifeOptions,
  onFailure: (error: unknown) => void,
): Promise<Store> {
  const store = await openStore({
    directory,
    runId: "one run of the agent",
    backends: BACKENDS,
    settings: {
      retention_days: retentionDays,
      log_retention_days: null,
      commit_interval_ms: 0,
      min_free_mb: 0,
      max_outbox_mb: 1024,
    },
    boot: { id: "boot", uptimeMs: 0 },
    clockTrusted: true,
    isProven: true,
    logger: loggerTo(say),
    now: () => clock.nowMs,
    monotonic: () => performance.now(),
    onStored: () => {},
    onPoints: () => {},
    onAvailable: () => {},
    onFailure,
  });
  await store.settled();
  return store;
}

/** Stores messages in one commit. Resolves when each is acknowledged or refused. */
export async function append(
  store: Store,
  from: number,
  to: number,
  say: (line: string) => void,
): Promise<void> {
  const sequences = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const messages = sequences.map((sequence) => {
    const variant = variantOfSequence(sequence);
    const body = JSON.stringify(bodyOf(keyOfSequence(sequence), variant));
    return { sequence, timeMs: START_MS + sequence, variant, body };
  });
  const answer = await new Promise<StoreToProducer>((resolve) =>
    store.append({ producer: { name: "sensor", generation: 1 }, messages, answer: resolve })
  );
  for (const sequence of answer.sequences) {
    say(`${answer.type === "appended" ? "a" : "r"} ${keyOfSequence(sequence)}`);
  }
}

/** Fetches and acknowledges whatever waits, a few at a time; every eleventh id is parked. */
export async function drain(store: Store, backend: string, say: (line: string) => void): Promise<void> {
  for (;;) {
    const messages = store.lease(backend, 4, 10_000);
    if (messages.length === 0) return;
    for (const { body } of messages) say(`l ${backend} ${keyOf(JSON.parse(body))}`);
    const ids = messages.map(({ id }) => id);
    const done = ids.filter((id) => id % 11 !== 0);
    const settled = await Promise.all([
      settle(store, backend, { type: "acknowledge", ids: done }),
      ...ids.filter((id) => id % 11 === 0)
        .map((id) => settle(store, backend, { type: "park", id, reason: "a multiple of eleven" })),
    ]);
    settled.flat().forEach((id) => say(`s ${backend} ${id}`));
  }
}

function settle(
  store: Store,
  backend: string,
  settlement: Parameters<Store["settle"]>[1],
): Promise<number[]> {
  return new Promise((resolve) => store.settle(backend, settlement, resolve));
}

function loggerTo(say: (line: string) => void): Logger {
  const complain = (level: string) => (subject: string, details?: unknown) =>
    say(`log ${level} ${subject} ${details ?? ""}`);
  return {
    debug() {},
    info() {},
    warning: complain("WARNING"),
    error: complain("ERROR"),
    exception: complain("EXCEPTION"),
  };
}
