// Runs in: main thread.
import { stripAnsiCode } from "@std/fmt/colors";
import { type ErrorReport, sentenceOf } from "../shared/errors.ts";
import type { FromAnyWorker, LogEntry } from "../shared/protocol.ts";
import type { WorkerPermissions } from "../shared/registry.ts";
import { CHARACTERS, FloodGuard, weightOf } from "../shared/flood_guard.ts";
import { linesOf, LOG_LINES } from "../shared/log_limiter.ts";
import { InvalidMessageError } from "../shared/shape.ts";
import { lockMeans } from "./lock_means.ts";
import { followNameFiles } from "./name_files.ts";
import { startThread, threadEnds } from "./threads.ts";
import { COUNTS_FOR, decodeLock, SAID_ONCE } from "./workers/decoders.ts";
import { chooseLock, lockedModule, type WorkerLock } from "./worker_lock.ts";

/** All of Deno's permissions, denied by name. What keeps Deno from asking on a terminal is `--no-prompt`. */
const DENIED: Record<keyof WorkerPermissions | "import", false> = {
  env: false,
  ffi: false,
  import: false,
  net: false,
  read: false,
  run: false,
  sys: false,
  write: false,
};

/** How far the time of a log line may be from main's, in milliseconds; one that is farther off gets main's. */
const LOG_TIME_TOLERANCE_MS = 60_000;

/** How one worker's life ended. */
export type LifeEnd =
  | { kind: "torn_down" }
  | { kind: "crashed"; error: ErrorReport }
  | { kind: "silent"; silentMs: number }
  | { kind: "too_large"; bytes: number }
  /** What it sent is not what was agreed on: its thread is not to be believed. */
  | { kind: "invalid_message"; reason: string };

export interface LifeOptions<Out> {
  name: string;
  module: string;
  permissions: WorkerPermissions;
  /** Tells it from every other worker that sends messages in the life of this process. */
  generation: number;
  watchdogMs: number;
  memoryLimitBytes: number;
  /** How long it may use more than that, in milliseconds; default 0. */
  memoryGraceMs?: number;
  /** Checks what the worker sends. @throws {InvalidMessageError} */
  decode: (value: unknown) => Out | FromAnyWorker;
  /** What a message counts for; default: {@link weightOf}. */
  weigh?: (message: unknown) => number;
  onMessage: (message: Exclude<Out, FromAnyWorker>) => void;
  onLog: (entry: LogEntry) => void;
  /** Milliseconds that never jump. */
  monotonic: () => number;
}

/** One worker from its start to its end. After the end nothing that it still sends is heard. */
export class WorkerLife<In, Out extends { type: string }> {
  readonly generation: number;
  readonly ended: Promise<LifeEnd>;
  heapBytes = 0;
  /** Why the worker has no permissions at all, when those it should have are not valid. */
  permissionFault: string | undefined;
  /** What keeps its thread from opening files; undefined until the thread has told. */
  lock: WorkerLock | undefined;
  /** When the last heartbeat came, on the monotonic clock; undefined before the first. */
  lastBeatMs: number | undefined;
  #options: LifeOptions<Out>;
  /** What will be true once the thread has locked itself. */
  #expectedLock: WorkerLock | undefined;
  #unfollowNames = () => {};
  #worker: Worker;
  #threadName: string;
  #resolveEnded!: (end: LifeEnd) => void;
  #hasEnded = false;
  #silentMs = 0;
  /** Since when it has been over its memory limit. */
  #largeSinceMs: number | undefined;
  #messages: FloodGuard;
  #characters: FloodGuard;
  #logLines: FloodGuard;
  /** Of {@link SAID_ONCE}, what it has said. */
  #said = new Set<string>();

  constructor(options: LifeOptions<Out>) {
    this.#options = options;
    this.generation = options.generation;
    this.#messages = new FloodGuard(options.monotonic);
    this.#characters = new FloodGuard(options.monotonic, CHARACTERS);
    this.#logLines = new FloodGuard(options.monotonic, LOG_LINES);
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    const { worker, threadName } = this.#start(options);
    this.#worker = worker;
    this.#threadName = threadName;
    worker.onmessage = (event: MessageEvent) => this.#receiveUnchecked(event.data);
    worker.onmessageerror = () => this.end({ kind: "invalid_message", reason: "it cannot be read" });
    worker.onerror = (event: ErrorEvent) => {
      event.preventDefault(); // an error that nobody prevents would end the agent
      this.end({ kind: "crashed", error: reportEvent(event) });
    };
  }

  /** Deno refuses permissions that it does not understand, such as an address with a space. */
  #start({ permissions }: LifeOptions<Out>): ReturnType<typeof startThread> {
    try {
      return this.#startWith(permissions);
    } catch (error) {
      this.permissionFault = sentenceOf(error);
      return this.#startWith({});
    }
  }

  /** A locked worker may load native libraries until its lock holds: that is how its thread installs it. */
  #startWith(granted: WorkerPermissions): ReturnType<typeof startThread> {
    const { module, name } = this.#options;
    const { order, lock } = chooseLock(granted, Deno.build.standalone ? lockMeans() : undefined);
    const permissions = { ...DENIED, ...granted, ...(order === undefined ? {} : { ffi: true }) };
    const entry = order === undefined ? module : lockedModule(module, order);
    const started = startThread(entry, { type: "module", name, deno: { permissions } } as WorkerOptions);
    if (order === undefined) this.lock = lock;
    else this.#expectedLock = lock;
    if (order?.kind === "landlock" && order.files.length > 0) this.#unfollowNames = followNameFiles();
    return started;
  }

  send(message: In, transfer: Transferable[] = []): void {
    if (!this.#hasEnded) this.#worker.postMessage(message, transfer);
  }

  /** To be called regularly; `elapsedMs` since the last call, cut down by the caller when main itself was late. */
  watch(elapsedMs: number): void {
    this.#silentMs += elapsedMs;
    if (this.#silentMs > this.#options.watchdogMs) this.end({ kind: "silent", silentMs: this.#silentMs });
  }

  /** Closes the book on this worker: the first end counts. */
  end(end: LifeEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#resolveEnded(end);
  }

  /** @returns false when the runtime could not stop the thread. */
  async terminate(): Promise<boolean> {
    this.#hasEnded = true;
    this.#unfollowNames();
    this.#worker.terminate();
    return await threadEnds(this.#threadName);
  }

  /** A locked thread's first word, said before any code of its own ran. Without its lock it goes on measuring, loudly. */
  #locked(failure: string | null, expected: WorkerLock): void {
    this.#expectedLock = undefined;
    const { kind, detail } = expected;
    const isOnlySignals = kind === "deno" || kind === "none";
    this.lock = failure === null
      ? expected
      : isOnlySignals
      ? { kind, detail: `${detail}; and it could end the process by a signal: ${failure}` }
      : { kind: "failed", detail: failure };
    if (failure === null || isOnlySignals) return;
    const subject =
      `its thread could not be locked and runs without, so it could read every file: ${failure}`;
    this.#options.onLog({
      level: "ERROR",
      origin: this.#options.name,
      subject,
      details: "",
      timeMs: Date.now(),
    });
  }

  #receiveUnchecked(data: unknown): void {
    if (this.#hasEnded) return;
    try {
      this.#messages.count();
      if (this.#expectedLock !== undefined) return this.#locked(decodeLock(data).failure, this.#expectedLock);
      const message = this.#options.decode(data);
      this.#messages.count((COUNTS_FOR.get(message.type) ?? 1) - 1);
      this.#characters.count((this.#options.weigh ?? weightOf)(message));
      this.#receive(message);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      this.end({ kind: "invalid_message", reason: error.message });
    }
  }

  #receive(message: Out | FromAnyWorker): void {
    const known = message as FromAnyWorker;
    switch (known.type) {
      case "beat":
        return this.#beat(known.heapBytes, known.externalBytes);
      case "log":
        this.#logLines.count(linesOf(known.entry));
        return this.#options.onLog(this.#vouched(known.entry));
      case "failed":
        return this.end({ kind: "crashed", error: known.error });
      default:
        known satisfies never;
        this.#sayOnce((message as Out).type);
        this.#options.onMessage(message as Exclude<Out, FromAnyWorker>);
    }
  }

  /** The entry under the worker's own name, and of a time that can be: the name of the day's file comes from it. */
  #vouched(entry: LogEntry): LogEntry {
    const nowMs = Date.now();
    const isNear = Math.abs(entry.timeMs - nowMs) <= LOG_TIME_TOLERANCE_MS; // a clock that was set meanwhile is no lie
    return { ...entry, origin: this.#options.name, timeMs: isNear ? entry.timeMs : nowMs };
  }

  #sayOnce(type: string): void {
    if (!SAID_ONCE.has(type)) return;
    if (this.#said.has(type)) throw new InvalidMessageError(`it says ${type} a second time`);
    this.#said.add(type);
  }

  #beat(heapBytes: number, externalBytes: number): void {
    this.#silentMs = 0;
    this.lastBeatMs = this.#options.monotonic();
    this.heapBytes = heapBytes + externalBytes;
    const { memoryLimitBytes, memoryGraceMs = 0 } = this.#options;
    if (this.heapBytes <= memoryLimitBytes) this.#largeSinceMs = undefined;
    else this.#largeSinceMs ??= this.lastBeatMs;
    if (this.#largeSinceMs !== undefined && this.lastBeatMs - this.#largeSinceMs >= memoryGraceMs) {
      this.end({ kind: "too_large", bytes: this.heapBytes });
    }
  }
}

/** An error that the worker's own code could not report: its file does not load. Only words cross the border. */
function reportEvent({ message, filename, lineno, colno }: ErrorEvent): ErrorReport {
  const text = stripAnsiCode(message);
  const first = text.split("\n", 1)[0]!.replace(/^Uncaught (\(in promise\) )?/, "");
  const [, name, rest] = /^(\w+): (.*)$/.exec(first) ?? [];
  const place = filename ? `\n    at ${filename}:${lineno}:${colno}` : "";
  return { name: name ?? "Error", message: rest ?? first, stack: `${text}${place}` };
}
