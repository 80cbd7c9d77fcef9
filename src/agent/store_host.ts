// Runs in: main thread.
import { dirname, join } from "@std/path";
import type { StorageSettings } from "../shared/config.ts";
import type { Logger } from "../shared/logger.ts";
import type {
  LogEntry,
  MainToStore,
  PortSender,
  Producer,
  StoreAnswers,
  StoredMessage,
  StoreRequest,
  StoreToMain,
} from "../shared/protocol.ts";
import { pause } from "../shared/time.ts";
import { bootFacts } from "./clock_trust.ts";
import { ClockWatch, type ClockWatchOptions } from "./clock_watch.ts";
import { checkDatabase } from "./database_check.ts";
import { followLinks, syncFolder } from "./files.ts";
import { exists } from "./paths.ts";
import { storeFolders } from "./store_folders.ts";
import { Supervisor, type WorkerStatus } from "./supervisor.ts";
import type { WorkerLife } from "./worker_life.ts";
import { decodeFromStore } from "./workers/decoders.ts";

/** How long the store may be silent: a slow SD card may hold one commit up for long. */
const WATCHDOG_MS = 60_000;
/**
 * How long the store may be too large: what a producer sends is in its memory before it can be refused, and is thrown
 * away a quarter of a minute later.
 */
const MEMORY_GRACE_MS = 60_000;
const CHECK_AGAIN_MS = 60_000;

/** The newest value of each numeric key that was measured since the last time, and when the newest was, Unix ms. */
export interface Points {
  timeMs: number;
  values: Record<string, number>;
}

export interface StoreHostOptions {
  /** The store's worker module; tests pass one that misbehaves. */
  module: string;
  /** The module that checks a large database. */
  checkerModule: string;
  /** `<root>/data`: the one folder that the store may touch, with what links in it lead to, see {@link storeFolders}. */
  directory: string;
  runId: string;
  settings: StorageSettings;
  /** Names of the configured backends; null = leave their places as they are. */
  backends: string[] | null;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** Told of every stored message while there is anybody to tell. */
  onStored: ((messages: StoredMessage[]) => void) | undefined;
  /** Told of the newest numbers while they are watched. */
  onPoints?: (points: Points) => void;
  /** A store took over from one that failed: everybody needs a new door. */
  onRestarted: () => void;
  onUnstoppable: (name: string) => void;
  /** A worker sends the store what was not agreed on. */
  onInvalidMessage: (sender: PortSender, reason: string) => void;
  watchdogMs?: number;
  /** When a check of the database is tried again that could not be made; then twice as late each time. */
  checkAgainMs?: number;
  /** Why the wall clock is not known to be right; default: as the system says. */
  clockDoubt?: NonNullable<ClockWatchOptions["doubt"]>;
}

type Life = WorkerLife<MainToStore, StoreToMain>;
type Answer = (StoreToMain & { type: "answer" })["answer"];

/** Runs the store under supervision and opens doors to it. */
export class StoreHost {
  #options: StoreHostOptions;
  #supervisor: Supervisor<MainToStore, StoreToMain>;
  #waiting = new Map<number, (answer: Answer) => void>();
  #lastRequestId = 0;
  #backends: string[] | null;
  #clock: ClockWatch;
  #databaseDoubt: string | null = null;
  #closing = new AbortController();
  #checking: Promise<unknown> = Promise.resolve();
  /** The worker that has each backend's port. */
  #backendGenerations = new Map<string, number>();
  #hasStarted = false;
  #watchesPoints = false;

  constructor(options: StoreHostOptions) {
    this.#options = { ...options, directory: followLinks(options.directory) };
    this.#backends = options.backends;
    this.#clock = new ClockWatch({
      logger: options.logger,
      onChange: (isTrusted) => this.#supervisor.life?.send({ type: "clock_trust", isTrusted }),
      ...(options.clockDoubt === undefined ? {} : { doubt: options.clockDoubt }),
    });
    this.#supervisor = new Supervisor<MainToStore, StoreToMain>({
      name: "store",
      module: options.module,
      permissions: () => {
        const folders = storeFolders(this.#options.directory);
        return { read: folders, write: folders, sys: ["statfs"] };
      },
      watchdogMs: options.watchdogMs ?? WATCHDOG_MS,
      memoryGraceMs: MEMORY_GRACE_MS,
      logger: options.logger,
      onLog: options.onLog,
      decode: decodeFromStore,
      weigh: () => 0, // what it sends is what all producers have sent, and what main has asked for
      onStart: (life) => this.#open(life),
      onMessage: (life, message) => this.#receive(life, message),
      onEnd: () => {},
      onUnstoppable: options.onUnstoppable,
    });
  }

  /** Whether the wall clock is known to be right. */
  get clockIsTrusted(): boolean {
    return this.#clock.isTrusted;
  }

  /** Why nobody knows whether the database is whole; null when it is, as far as is known. */
  get databaseDoubt(): string | null {
    return this.#databaseDoubt;
  }

  async start(): Promise<void> {
    await this.#clock.start();
    this.#supervisor.start();
  }

  /** Commits what waits and closes the database; at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#clock.stop();
    this.#closing.abort();
    await this.#supervisor.stop({ type: "close" }, graceMs);
    await this.#checking; // its thread has the database open
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

  /** A port for one backend's worker; the one before it under this name is heard no more. */
  openBackendPort(name: string, generation: number): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#backendGenerations.set(name, generation);
    this.#supervisor.life?.send({ type: "attach_backend", name, port: port1 }, [port1]);
    return port2;
  }

  /** A backend's worker has ended: its leases return, unless another worker has taken over. */
  closeBackendPort(name: string, generation: number): void {
    if (this.#backendGenerations.get(name) !== generation) return;
    this.#backendGenerations.delete(name);
    this.#supervisor.life?.send({ type: "detach_backend", name });
  }

  /** The configured backends have changed. */
  setBackends(names: string[]): void {
    this.#backends = names;
    this.#supervisor.life?.send({ type: "set_backends", names });
  }

  /** Whether anybody wants to hear of new numbers. */
  watchPoints(watching: boolean): void {
    this.#watchesPoints = watching;
    this.#supervisor.life?.send({ type: "watch_points", watching });
  }

  /**
   * Asks the store something.
   *
   * @returns undefined when the store does not run.
   * @throws {Error} with the store's own sentence when it refuses.
   */
  async request<K extends StoreRequest["kind"]>(
    request: StoreRequest & { kind: K },
  ): Promise<StoreAnswers[K] | undefined> {
    const life = this.#supervisor.life;
    if (life === undefined) return undefined;
    const requestId = ++this.#lastRequestId;
    life.send({ type: "request", requestId, request });
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(requestId, resolve));
    const answer = await Promise.race([answered, life.ended.then(() => undefined)]);
    this.#waiting.delete(requestId);
    if (answer !== undefined && "error" in answer) throw new Error(answer.error);
    return answer as StoreAnswers[K] | undefined;
  }

  status(): WorkerStatus {
    return this.#supervisor.status();
  }

  #open(life: Life): void {
    const { directory, runId, settings, onStored } = this.#options;
    const opening = {
      directory,
      runId,
      settings,
      backends: this.#backends,
      boot: bootFacts(),
      clockTrusted: this.#clock.isTrusted,
      isProven: !exists(join(directory, "probation")),
    };
    life.send({ type: "open", opening, beatIntervalMs: this.#supervisor.beatIntervalMs });
    life.send({ type: "watch", watching: onStored !== undefined });
    if (this.#watchesPoints) life.send({ type: "watch_points", watching: true });
    if (this.#hasStarted) this.#options.onRestarted();
    if (this.#hasStarted) this.#syncFolderName();
    this.#hasStarted = true;
  }

  /** A store whose folder was moved away has made another one, and may not touch the folder above. */
  #syncFolderName(): void {
    try {
      syncFolder(dirname(this.#options.directory));
    } catch (error) {
      this.#options.logger.warning("the folder above the data could not be synced", error);
    }
  }

  /** The store does not know which worker it is that has a backend's port. */
  #withGeneration(sender: PortSender): PortSender {
    if (sender.kind !== "backend") return sender;
    return { ...sender, generation: this.#backendGenerations.get(sender.name) ?? 0 };
  }

  #receive(life: Life, message: StoreToMain): void {
    switch (message.type) {
      case "opened":
        this.#supervisor.markRunning();
        if (message.checkDatabase) this.#checking = Promise.all([this.#checking, this.#check(life)]);
        return;
      case "stored":
        return this.#options.onStored?.(message.messages);
      case "points":
        return this.#options.onPoints?.(message);
      case "answer":
        return this.#waiting.get(message.requestId)?.(message.answer);
      case "invalid_message":
        return this.#options.onInvalidMessage(this.#withGeneration(message.sender), message.reason);
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

  /** A large database is checked while the store works already, and again until that could be done. */
  async #check(life: Life): Promise<void> {
    const { directory, checkerModule: module, logger, checkAgainMs = CHECK_AGAIN_MS } = this.#options;
    const path = join(directory, "outbox.sqlite3");
    for (let waitMs = checkAgainMs; this.#supervisor.life === life; waitMs *= 2) {
      const check = await checkDatabase(path, { module, directory, logger, signal: this.#closing.signal });
      this.#databaseDoubt = check.kind === "unchecked" ? check.reason : null;
      if (check.kind === "damaged") life.send({ type: "damaged", reason: check.reason });
      if (check.kind !== "unchecked" || !await pause(waitMs, this.#closing.signal)) return;
    }
  }
}
