// Runs in: main thread.
import { errorSentence } from "../../shared/errors.ts";
import type { LogEntry, MainToRelease, ReleaseOrder, ReleaseToMain } from "../../shared/protocol.ts";
import { followLinks } from "../files.ts";
import { type LifeEnd, WorkerLife } from "../worker_life.ts";
import { decodeFromRelease } from "../workers/decoders.ts";

/** A release cannot be had. */
export class UnavailableError extends Error {
  override name = "UnavailableError";
  /** Time may mend it. */
  readonly mayMend: boolean;
  constructor(message: string, mayMend: boolean) {
    super(message);
    this.mayMend = mayMend;
  }
}

type Answer<Type extends ReleaseToMain["type"]> = ReleaseToMain & { type: Type };

export interface ReleaseWorkerOptions {
  /** Worker module. */
  module: string;
  staging: string;
  /** Everything comes by messages: no network. */
  isOffline: boolean;
  onLog: (entry: LogEntry) => void;
}

const WATCHDOG_MS = 60_000;
const MEMORY_LIMIT_BYTES = 128 * 1_048_576;

/** The thread that fetches a release. It has the network and the staging folder, nothing else, and lives only here. */
export class ReleaseWorker implements AsyncDisposable {
  #life: WorkerLife<MainToRelease, ReleaseToMain>;
  #answer = Promise.withResolvers<ReleaseToMain>();
  #onProgress: (wireBytes: number) => void = () => {};
  #onDownloaded: () => void = () => {};
  #watch: ReturnType<typeof setInterval>;

  constructor({ module, staging, isOffline, onLog }: ReleaseWorkerOptions) {
    const folders = [...new Set([staging, followLinks(staging)])]; // Deno judges an open file by where it lies
    this.#life = new WorkerLife<MainToRelease, ReleaseToMain>({
      name: "release",
      module,
      permissions: { ...(isOffline ? {} : { net: true }), read: folders, write: folders },
      generation: 1,
      watchdogMs: WATCHDOG_MS,
      memoryLimitBytes: MEMORY_LIMIT_BYTES,
      monotonic: () => performance.now(),
      onLog,
      decode: decodeFromRelease,
      onMessage: (message) => this.#receive(message),
    });
    this.#watch = setInterval(() => this.#life.watch(1000), 1000);
    void this.#life.ended.then((end) => this.#fail(end));
  }

  /**
   * @param packagePort to the backend that brings it, where one does.
   * @throws {UnavailableError}
   */
  async find(order: ReleaseOrder, packagePort?: MessagePort): Promise<Answer<"found">> {
    const question = { type: "find", order, beatIntervalMs: WATCHDOG_MS / 4 } as const;
    if (packagePort === undefined) return await this.#ask("found", question);
    return await this.#ask("found", { ...question, packagePort }, [packagePort]);
  }

  /** @throws {UnavailableError} */
  async fetch(
    onProgress: (wireBytes: number) => void,
    onDownloaded: () => void = () => {},
  ): Promise<Answer<"fetched">> {
    this.#onProgress = onProgress;
    this.#onDownloaded = onDownloaded;
    return await this.#ask("fetched", { type: "fetch" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    this.#answer.promise.catch(() => {});
    this.#answer.reject(new UnavailableError("it was broken off", true));
    await this.#life.terminate();
  }

  async #ask<Type extends ReleaseToMain["type"]>(
    type: Type,
    question: MainToRelease,
    transfer: Transferable[] = [],
  ): Promise<Answer<Type>> {
    this.#life.send(question, transfer);
    const answer = await this.#answer.promise;
    this.#answer = Promise.withResolvers();
    if (answer.type === "unavailable") throw new UnavailableError(answer.reason, answer.mayMend);
    if (answer.type !== type) throw new TypeError(`the release worker answered with ${answer.type}`);
    return answer as Answer<Type>;
  }

  #receive(message: ReleaseToMain): void {
    if (message.type === "progress") this.#onProgress(message.wireBytes);
    else if (message.type === "downloaded") this.#onDownloaded();
    else this.#answer.resolve(message);
  }

  #fail(end: LifeEnd): void {
    this.#answer.promise.catch(() => {}); // nobody may be waiting
    const what = end.kind === "crashed" ? errorSentence(end.error) : end.kind.replace("_", " ");
    this.#answer.reject(new UnavailableError(`the release worker failed: ${what}`, true));
  }
}
