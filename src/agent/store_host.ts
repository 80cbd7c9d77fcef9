// Runs in: main thread.
import type { StorageSettings } from "../shared/config.ts";
import type { Logger } from "../shared/logger.ts";
import type {
  LogEntry,
  MainToStore,
  Producer,
  StoredMessage,
  StoreStatistics,
  StoreToMain,
} from "../shared/protocol.ts";
import { Supervisor, type WorkerStatus } from "./supervisor.ts";
import type { WorkerLife } from "./worker_life.ts";

/** How long the store may be silent: a slow SD card may hold one commit up for long. */
const WATCHDOG_MS = 60_000;

export interface StoreHostOptions {
  /** The store's worker module; tests pass one that misbehaves. */
  module: string;
  /** `<root>/data`: the one folder that the store may touch. */
  directory: string;
  runId: string;
  settings: StorageSettings;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** Told of every stored message while there is anybody to tell. */
  onStored: ((messages: StoredMessage[]) => void) | undefined;
  /** A store took over from one that failed: everybody needs a new door. */
  onRestarted: () => void;
  onUnstoppable: (name: string) => void;
  watchdogMs?: number;
}

type Life = WorkerLife<MainToStore, StoreToMain>;

/** Runs the store under supervision and opens doors to it. */
export class StoreHost {
  #options: StoreHostOptions;
  #supervisor: Supervisor<MainToStore, StoreToMain>;
  #waiting = new Map<number, (statistics: StoreStatistics) => void>();
  #lastRequestId = 0;

  constructor(options: StoreHostOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor<MainToStore, StoreToMain>({
      name: "store",
      module: options.module,
      permissions: () => ({ read: [options.directory], write: [options.directory], sys: ["statfs"] }),
      watchdogMs: options.watchdogMs ?? WATCHDOG_MS,
      logger: options.logger,
      onLog: options.onLog,
      onStart: (life) => this.#open(life),
      onMessage: (life, message) => this.#receive(life, message),
      onEnd: () => {},
      onUnstoppable: options.onUnstoppable,
    });
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Commits what waits and closes the database; at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    await this.#supervisor.stop({ type: "close" }, graceMs);
  }

  /** A door for one producer; what is sent through it before the store is open waits in it. */
  openPort(producer: Producer): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#supervisor.life?.send({ type: "attach_producer", producer, port: port1 }, [port1]);
    return port2;
  }

  closePort(producer: Producer): void {
    this.#supervisor.life?.send({ type: "detach_producer", producer });
  }

  /** @returns undefined when the store does not run. */
  statistics(): Promise<StoreStatistics | undefined> {
    const life = this.#supervisor.life;
    if (life === undefined) return Promise.resolve(undefined);
    const requestId = ++this.#lastRequestId;
    life.send({ type: "statistics", requestId });
    const ended = life.ended.then(() => undefined);
    const answered = new Promise<StoreStatistics>((resolve) => this.#waiting.set(requestId, resolve));
    return Promise.race([answered, ended]).finally(() => this.#waiting.delete(requestId));
  }

  status(): WorkerStatus {
    return this.#supervisor.status();
  }

  #open(life: Life): void {
    const { directory, runId, settings, onStored } = this.#options;
    life.send({ type: "open", directory, runId, settings, beatIntervalMs: this.#supervisor.beatIntervalMs });
    life.send({ type: "watch", watching: onStored !== undefined });
    if (life.generation > 1) this.#options.onRestarted();
  }

  #receive(life: Life, message: StoreToMain): void {
    switch (message.type) {
      case "opened":
        return this.#supervisor.markRunning();
      case "stored":
        return this.#options.onStored?.(message.messages);
      case "statistics_answer":
        return this.#waiting.get(message.requestId)?.(message.statistics);
      case "closed":
        return life.end({ kind: "torn_down" });
      case "beat":
      case "log":
      case "failed":
        return; // the supervisor's
      default:
        message satisfies never;
    }
  }
}
