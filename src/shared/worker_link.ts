// Runs in: any worker thread.
import { reportError } from "./errors.ts";
import { createLogLimiter } from "./log_limiter.ts";
import { createLogger, type Logger } from "./logger.ts";
import type { FromAnyWorker } from "./protocol.ts";

/** How often a worker looks at its own memory, in milliseconds; growth is reported at the next look. */
const MEMORY_LOOK_MS = 500;

/**
 * What the heartbeat is made with, as it was before the worker's own code could replace it: by mistake or to hide its
 * growth. Code that is loaded before this, or stops the timer, can still lie, as about everything that it sends itself.
 */
const { memoryUsage } = Deno;
const monotonic = performance.now.bind(performance);
const startTimer = globalThis.setInterval;

/** What every worker needs to live under supervision. */
export interface WorkerLink<Out> {
  send(this: void, message: Out, transfer?: Transferable[]): void;
  onMessage(handle: (message: never) => void): void;
  /** Starts the heartbeat: every `intervalMs`, and at once when memory has grown by a quarter since the last beat. */
  startBeating(intervalMs: number): void;
  /** Reports that this worker cannot go on; main replaces it. */
  fail(this: void, thrown: unknown): Promise<void>;
  logger: Logger;
}

/** The part of a worker's global scope that we use (Deno's types describe the main thread's). */
export interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: string, handle: (event: never) => void): void;
}

export interface LinkOptions {
  /** Puts things in order before a failure is reported; its own failure is reported with it. */
  beforeFailing?: () => Promise<void>;
  scope?: WorkerScope;
}

/** Connects this worker to main. Errors that nobody caught are reported instead of ending the process. */
export function linkToMain<Out>(origin: string, options: LinkOptions = {}): WorkerLink<Out> {
  const scope = options.scope ?? globalThis as unknown as WorkerScope;
  const post = scope.postMessage.bind(scope);
  const send = (message: Out | FromAnyWorker, transfer: Transferable[] = []) => post(message, transfer);
  const limiter = createLogLimiter({ now: () => Date.now(), emit: (entry) => send({ type: "log", entry }) });
  const logger = createLogger(origin, limiter.push);
  let failing = false;
  const fail = async (thrown: unknown) => {
    if (failing) return;
    failing = true;
    try {
      await options.beforeFailing?.();
    } catch (error) {
      logger.exception("failed while putting things in order after a failure", error);
    }
    send({ type: "failed", error: reportError(thrown) });
  };
  scope.addEventListener("error", (event: ErrorEvent) => {
    event.preventDefault();
    void fail(event.error ?? event.message);
  });
  scope.addEventListener("unhandledrejection", (event: PromiseRejectionEvent) => {
    event.preventDefault();
    void fail(event.reason);
  });
  return {
    send,
    fail,
    onMessage: (handle) =>
      scope.addEventListener("message", (event: MessageEvent) => handle(event.data as never)),
    startBeating: (intervalMs) => startBeating(intervalMs, send, limiter.tick),
    logger,
  };
}

function startBeating(intervalMs: number, send: (message: FromAnyWorker) => void, onBeat: () => void): void {
  let lastBeatMs = -Infinity;
  let lastBytes = 0;
  const look = () => {
    const { heapUsed: heapBytes, external: externalBytes } = memoryUsage();
    const bytes = heapBytes + externalBytes;
    const nowMs = monotonic();
    if (nowMs - lastBeatMs < intervalMs && bytes < lastBytes * 1.25) return;
    lastBeatMs = nowMs;
    lastBytes = bytes;
    send({ type: "beat", heapBytes, externalBytes });
    onBeat();
  };
  look();
  startTimer(look, Math.min(intervalMs, MEMORY_LOOK_MS));
}
