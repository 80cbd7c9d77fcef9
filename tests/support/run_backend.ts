// Runs in: tests.
import type { Backend, Driver, Inbox } from "../../src/runtime/backend.ts";
import { keepDelivering } from "../../src/runtime/keep_delivering.ts";
import type { ReconnectTiming } from "../../src/runtime/reconnect.ts";
import { StoreDoor } from "../../src/runtime/store_door.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { BackendFacts, LogEntry, PackageOffer, UnusableOffer } from "../../src/shared/protocol.ts";
import type { FakeStore } from "./fake_store.ts";
import { until } from "./until.ts";

/** Connects again within tenths of a second, not minutes. */
export const FAST: ReconnectTiming = {
  firstMs: 20,
  limitMs: 200,
  stableMs: 1000,
  burst: 1000,
  burstMs: 1000,
};

export const FACTS: BackendFacts = {
  systemIdentifier: "test-system-1",
  softwareVersion: "1.2.3",
  configRevision: 7,
  configuredMs: 1_763_806_000_000,
  target: "x86_64-unknown-linux-gnu",
  agentStartedMs: 1_763_806_000_000,
  bootedMs: 1_763_800_000_000,
  storeId: "store-a",
  kept: null,
  packageTitle: "ivy",
};

/** A backend that runs in the test's own thread. */
export interface RunningBackend extends AsyncDisposable {
  readonly log: LogEntry[];
  readonly configurations: { revision: number; config: unknown }[];
  readonly garbage: string[];
  readonly calls: { method: string; params: unknown }[];
  readonly kept: unknown[];
  /** Packages that the server offers, and reports on them that it knows. */
  readonly offers: (PackageOffer | UnusableOffer | null)[];
  readonly told: number[];
  readonly driver: Driver;
  readonly connections: { isConnected: boolean; detail: string; held: string | null }[];
  readonly isConnected: boolean;
  connected(limitMs?: number): Promise<void>;
  /** Asks it to end, as the agent does; resolves when it has. */
  stop(): Promise<void>;
  /** Ends it as a crash would: nothing more is said to the store. */
  crash(): void;
  /** Gives it a door to a store that took over. */
  replaceStore(): void;
}

export interface RunOptions {
  store: FakeStore;
  settings: unknown;
  facts?: Partial<BackendFacts>;
  timing?: ReconnectTiming;
  random?: () => number;
  name?: string;
  addresses?: Record<string, string[]>;
  /** Answers what the server asks of the node. */
  call?: (method: string, params: unknown) => Promise<unknown>;
}

export function runBackend(backend: Backend, options: RunOptions): RunningBackend {
  const { store, settings, name = backend.provider, timing = FAST, random } = options;
  const stopping = new AbortController();
  const door = new StoreDoor();
  const log: LogEntry[] = [];
  const logger = createLogger(name, (entry) => log.push(entry));
  const configurations: RunningBackend["configurations"] = [];
  const garbage: string[] = [];
  const calls: RunningBackend["calls"] = [];
  const kept: unknown[] = [];
  const offers: RunningBackend["offers"] = [];
  const told: number[] = [];
  const connections: RunningBackend["connections"] = [];
  const inbox: Inbox = {
    heard(heard) {
      if (heard?.kind === "garbage") garbage.push(heard.reason);
      else if (heard !== undefined) configurations.push({ revision: heard.revision, config: heard.config });
    },
    garbage: (reason) => void garbage.push(reason),
    call: (method, params) => {
      calls.push({ method, params });
      return options.call?.(method, params) ?? Promise.reject(new Error(`${method} is not allowed`));
    },
    keep: (value) => void kept.push(value),
    offered: (offer) => void offers.push(offer),
    reported: (reportId) => void told.push(reportId),
  };
  const config = backend.config.parse(settings);
  door.attach(store.open());
  const driver = backend.open({
    config,
    name,
    facts: { ...FACTS, ...options.facts },
    addresses: options.addresses ?? {},
    logger,
    inbox,
  });
  const isConnected = () => connections.at(-1)?.isConnected ?? false;
  const running = keepDelivering({
    driver,
    door,
    logger,
    stopping: stopping.signal,
    maxDrainMs: config.max_drain_seconds * 1000,
    onConnection: (state) => connections.push(state),
    timing,
    ...(random === undefined ? {} : { random }),
  });
  const own: RunningBackend = {
    log,
    configurations,
    garbage,
    calls,
    kept,
    offers,
    told,
    driver,
    connections,
    get isConnected() {
      return isConnected();
    },
    connected: (limitMs) =>
      until(() => `${name} is connected: ${JSON.stringify(connections.slice(-3))}`, isConnected, limitMs),
    async stop() {
      stopping.abort();
      await running;
    },
    crash() {
      store.close();
    },
    replaceStore: () => door.attach(store.open()),
    async [Symbol.asyncDispose]() {
      await own.stop();
      door.close();
      store.close();
    },
  };
  return own;
}
