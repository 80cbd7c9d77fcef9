// Runs in: main thread.
import { type ErrorReport, errorSentence } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { FromAnyWorker, LogEntry } from "../shared/protocol.ts";
import type { WorkerPermissions } from "../shared/registry.ts";
import { formatBytes, formatDuration, pause, withLimit } from "../shared/time.ts";
import { type Backoff, createBackoff } from "./backoff.ts";
import { type LifeEnd, WorkerLife } from "./worker_life.ts";
import type { WorkerLock } from "./worker_lock.ts";

export interface SupervisorOptions<In, Out extends { type: string }> {
  name: string;
  module: string;
  permissions: () => WorkerPermissions;
  /** Default 60 s. */
  watchdogMs?: number;
  /** Default 128 MiB. */
  memoryLimitBytes?: number;
  /** How long it may use more than that, in milliseconds; default 0. */
  memoryGraceMs?: number;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** Checks what the worker sends. @throws {InvalidMessageError} */
  decode: (value: unknown) => Out | FromAnyWorker;
  /** What a message counts for; default: its characters. */
  weigh?: (message: unknown) => number;
  /** A new worker runs: send it what it needs first. */
  onStart: (life: WorkerLife<In, Out>) => void;
  onMessage: (life: WorkerLife<In, Out>, message: Out) => void;
  /** A worker has ended, before its thread is terminated. */
  onEnd: (life: WorkerLife<In, Out>) => void;
  /** The runtime cannot stop the thread of a worker: only a restart of the process can. */
  onUnstoppable: (name: string) => void;
  /** How often in a row it had failed when the agent restarted itself; default 0. */
  failuresBefore?: number;
  /** Turns an error into advice, for example a denied permission. Default: the error's own sentence. */
  explain?: (error: ErrorReport) => string;
}

/** What `ivy status` tells of a worker. Times are Unix milliseconds. */
export interface WorkerStatus {
  state: "starting" | "running" | "backoff" | "stopped";
  restarts: number;
  lastError: { timeMs: number; message: string } | null;
  secondsSinceBeat: number | null;
  heapBytes: number;
  /** How often a worker was ended because it sent what was not agreed on. */
  invalidMessages: number;
  /** As its thread has told; null while it has not, and when there is none. */
  lock: WorkerLock | null;
}

const DEFAULT_WATCHDOG_MS = 60_000;
const DEFAULT_MEMORY_LIMIT_BYTES = 128 * 1_048_576;
const LONGEST_BEAT_INTERVAL_MS = 5000;

/**
 * Counts every supervised worker of this process, whoever supervises it: a supervisor that is replaced, as by another
 * configuration, must not give its successor's workers a number that the store knows already.
 */
let lastGeneration = 0;

/** Keeps one worker alive: starts it, watches it, replaces it with backoff, until it is told to stop. */
export class Supervisor<In extends { type: string }, Out extends { type: string }> {
  readonly beatIntervalMs: number;
  #options: SupervisorOptions<In, Out>;
  #watchdogMs: number;
  #life: WorkerLife<In, Out> | undefined;
  #starts = 0;
  /** Workers that were replaced because of what they may do, not because of what they did. */
  #renewals = 0;
  #renewing: WorkerLife<In, Out> | undefined;
  #state: WorkerStatus["state"] = "stopped";
  #lastError: WorkerStatus["lastError"] = null;
  #invalidMessages = 0;
  #stopping = new AbortController();
  #done: Promise<void> = Promise.resolve();
  #backoff: Backoff;

  constructor(options: SupervisorOptions<In, Out>) {
    this.#options = options;
    this.#backoff = createBackoff(Math.random, options.failuresBefore);
    this.#watchdogMs = options.watchdogMs ?? DEFAULT_WATCHDOG_MS;
    this.beatIntervalMs = Math.min(LONGEST_BEAT_INTERVAL_MS, this.#watchdogMs / 4);
  }

  get life(): WorkerLife<In, Out> | undefined {
    return this.#life;
  }

  /** How often in a row the worker has failed. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /** True for a worker that kept the agent from working in peace: its first start has to wait. */
  get startsLate(): boolean {
    return this.#starts === 0 && (this.#options.failuresBefore ?? 0) > 1;
  }

  start(): void {
    this.#stopping = new AbortController();
    this.#done = this.#superviseForever();
  }

  /** The worker says that it does its work now. */
  markRunning(): void {
    this.#state = "running";
  }

  /**
   * Asks the worker to end, waits for it at most `graceMs`, and terminates it.
   *
   * @param request The message that asks it.
   */
  async stop(request: In, graceMs: number): Promise<void> {
    this.#stopping.abort();
    const life = this.#life;
    if (life !== undefined) {
      life.send(request);
      const end = await withLimit(life.ended, graceMs, undefined);
      if (end === undefined) {
        this.#options.logger.warning(`did not end within ${formatDuration(graceMs)} and was terminated`);
        life.end({ kind: "torn_down" });
      }
    }
    await this.#done;
    this.#state = "stopped";
  }

  /**
   * Replaces the worker by one with the permissions of now: those of a running one cannot grow. That is no failure of
   * it. One that waits to be started gets them anyway.
   *
   * @param request The message that asks it to end.
   */
  async renew(request: In, graceMs: number): Promise<void> {
    const life = this.#life;
    if (life === undefined || life === this.#renewing || this.#stopping.signal.aborted) return;
    this.#renewing = life;
    life.send(request);
    await withLimit(life.ended, graceMs, undefined);
    life.end({ kind: "torn_down" });
  }

  status(): WorkerStatus {
    const beatMs = this.#life?.lastBeatMs;
    return {
      state: this.#state,
      restarts: Math.max(0, this.#starts - 1 - this.#renewals),
      lastError: this.#lastError,
      secondsSinceBeat: beatMs === undefined ? null : Math.round((performance.now() - beatMs) / 100) / 10,
      heapBytes: this.#life?.heapBytes ?? 0,
      invalidMessages: this.#invalidMessages,
      lock: this.#life?.lock ?? null,
    };
  }

  async #superviseForever(): Promise<void> {
    const { signal } = this.#stopping;
    if (this.startsLate) await this.#waitForFirstStart(signal);
    while (!signal.aborted) {
      const startedMs = performance.now();
      const life = this.#begin();
      const end = await this.#endOf(life);
      if (life === this.#renewing && end.kind === "torn_down") {
        this.#renewals++;
        if (!await life.terminate()) return this.#options.onUnstoppable(this.#options.name);
        continue;
      }
      const delayMs = this.#backoff.next(performance.now() - startedMs);
      if (!signal.aborted) this.#report(end, delayMs);
      this.#state = "backoff";
      if (!await life.terminate()) return this.#options.onUnstoppable(this.#options.name);
      await pause(delayMs, signal);
    }
  }

  async #waitForFirstStart(signal: AbortSignal): Promise<void> {
    const delayMs = this.#backoff.again();
    const message = `failed ${this.failures} times in a row before the agent restarted itself`;
    this.#options.logger.warning(`${message}; it starts again in ${formatDuration(delayMs)}`);
    this.#lastError = { timeMs: Date.now(), message };
    this.#state = "backoff";
    await pause(delayMs, signal);
  }

  #begin(): WorkerLife<In, Out> {
    this.#state = "starting";
    this.#starts++;
    const life: WorkerLife<In, Out> = new WorkerLife<In, Out>({
      name: this.#options.name,
      module: this.#options.module,
      permissions: this.#options.permissions(),
      generation: ++lastGeneration,
      watchdogMs: this.#watchdogMs,
      memoryLimitBytes: this.#options.memoryLimitBytes ?? DEFAULT_MEMORY_LIMIT_BYTES,
      ...(this.#options.memoryGraceMs === undefined ? {} : { memoryGraceMs: this.#options.memoryGraceMs }),
      monotonic: () => performance.now(),
      onLog: this.#options.onLog,
      decode: this.#options.decode,
      ...(this.#options.weigh === undefined ? {} : { weigh: this.#options.weigh }),
      onMessage: (message) => this.#options.onMessage(life, message as unknown as Out),
    });
    if (life.permissionFault !== undefined) {
      this.#options.logger.error(`its permissions are not valid, so it has none: ${life.permissionFault}`);
    }
    this.#life = life;
    this.#options.onStart(life);
    return life;
  }

  async #endOf(life: WorkerLife<In, Out>): Promise<LifeEnd> {
    const stopWatching = this.#watch(life);
    const end = await life.ended;
    stopWatching();
    if (end.kind === "invalid_message") this.#invalidMessages++;
    this.#life = undefined;
    this.#options.onEnd(life);
    return end;
  }

  /** A beat counts as missing only while main itself is punctual: a stopped machine is not the worker's fault. */
  #watch(life: WorkerLife<In, Out>): () => void {
    const intervalMs = Math.min(1000, this.#watchdogMs / 4);
    const timer = setInterval(() => life.watch(intervalMs), intervalMs);
    return () => clearInterval(timer);
  }

  #report(end: LifeEnd, delayMs: number): void {
    const { logger } = this.#options;
    const again = `it starts again in ${formatDuration(delayMs)}`;
    const message = this.#describe(end);
    this.#lastError = { timeMs: Date.now(), message };
    if (end.kind === "crashed") logger.exception(`${message}; ${again}`, toError(end.error));
    else logger.error(`${message}; ${again}`);
  }

  #describe(end: LifeEnd): string {
    switch (end.kind) {
      case "torn_down":
        return "ended although nobody had asked it to";
      case "crashed":
        return `failed: ${(this.#options.explain ?? errorSentence)(end.error)}`;
      case "silent":
        return `gave no sign of life for ${formatDuration(end.silentMs)} and is terminated`;
      case "too_large":
        return `used ${formatBytes(end.bytes)} of memory, over its limit, and is terminated`;
      case "invalid_message":
        return `sent an invalid message and is terminated: ${end.reason}`;
      default:
        return end satisfies never;
    }
  }
}

/** An error that prints like the one that was reported from the other thread. */
function toError(report: ErrorReport): Error {
  const error = new Error(report.message, report.cause === undefined ? {} : { cause: toError(report.cause) });
  error.name = report.name;
  error.stack = report.stack;
  return error;
}
