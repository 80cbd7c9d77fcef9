// Runs in: backend worker.
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { shownText } from "../shared/secrets.ts";
import { pause, withLimit } from "../shared/time.ts";

const FIRST_DELAY_MS = 1000;
const DEFAULT_LIMIT_MS = 30_000;
const DEFAULT_LONGEST_DELAY_MS = 300_000;

/** What {@link SideWork} needs to know. */
export interface SideWorkOptions {
  /** For people, with its address: "the configuration from http://…". */
  what: string;
  /** Gets a line for each new reason why it fails. */
  logger: Logger;
  /** How long one attempt may take, in milliseconds. Default 30 s. */
  limitMs?: number;
  /** The longest pause between two attempts, in milliseconds. Default 5 min. */
  longestDelayMs?: number;
}

/** One attempt; the signal aborts when nobody waits for it any more. */
export type Attempt = (signal: AbortSignal) => Promise<void>;

/**
 * Something that a backend does beside delivering. It fails alone: nobody waits for it, no connection is closed over
 * it, each new reason is one line in the log, and it is tried again after pauses of its own. They outlast a connection:
 * where servers hang up on an attempt (on a subscription without the right, for example), data still go between two.
 */
export class SideWork {
  #options: SideWorkOptions;
  #failures = 0;
  #notBeforeMs = -Infinity;
  #told = new Set<string>();

  /** Nothing is tried yet. */
  constructor(options: SideWorkOptions) {
    this.#options = options;
  }

  /** Tries until it is done, or until the signal aborts: what it works on is over then. Never rejects. */
  async run(attempt: Attempt, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.isPausing) await pause(this.#notBeforeMs - performance.now(), signal);
      else if (await this.once(attempt, signal)) return;
    }
  }

  /** The same again and again, every so often, until the signal aborts. */
  async repeat(attempt: Attempt, everyMs: number, signal: AbortSignal): Promise<void> {
    do await this.run(attempt, signal); while (await pause(everyMs, signal));
  }

  /** It has failed lately and waits before it is tried again. */
  get isPausing(): boolean {
    return performance.now() < this.#notBeforeMs;
  }

  /** Tries once, unless it pauses. @returns whether it is done; never rejects. */
  async once(attempt: Attempt, signal: AbortSignal): Promise<boolean> {
    if (this.isPausing) return false;
    const { limitMs = DEFAULT_LIMIT_MS } = this.#options;
    const over = new AbortController();
    const ending = AbortSignal.any([signal, over.signal]);
    const aborted = new Promise<never>((_, reject) => {
      ending.addEventListener(
        "abort",
        () => reject(new Error("the connection ended before it was answered")),
      );
    });
    const late = new Error(`no answer within ${limitMs / 1000} s`);
    try {
      const result = await withLimit(Promise.race([attempt(ending), aborted]), limitMs, late);
      if (result === late) throw late;
      this.#succeeded();
      return true;
    } catch (error) {
      this.#failed(shownText(sentenceOf(error)), signal.aborted);
      return false;
    } finally {
      aborted.catch(() => {});
      over.abort();
    }
  }

  #succeeded(): void {
    const { what, logger } = this.#options;
    if (this.#told.size > 0) logger.info(`${what} works again`);
    this.#told.clear();
    this.#failures = 0;
    this.#notBeforeMs = -Infinity;
  }

  /** @param isCutOff The connection ended meanwhile: one time that is chance, and the connection's own affair. */
  #failed(reason: string, isCutOff: boolean): void {
    const { what, logger, longestDelayMs = DEFAULT_LONGEST_DELAY_MS } = this.#options;
    const ceilingMs = Math.min(longestDelayMs, FIRST_DELAY_MS * 2 ** this.#failures++);
    this.#notBeforeMs = performance.now() + ceilingMs * (1 + Math.random()) / 2;
    const line = `${what} does not work: ${reason}; messages are sent all the same`;
    if (this.#told.has(reason) || (isCutOff && this.#failures === 1)) return logger.debug(line);
    this.#told.add(reason);
    logger.warning(line);
  }
}
