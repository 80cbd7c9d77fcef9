// Runs in: main thread.
import type { Logger } from "../shared/logger.ts";
import { formatDuration } from "../shared/time.ts";
import { clockDoubt, type ClockQuestion } from "./clock_trust.ts";

/** How often the wall clock is looked at, in milliseconds. */
const LOOK_MS = 5000;
/** A wall clock that has left the monotonic one by more than this has jumped, in milliseconds. */
const JUMP_MS = 3_600_000;

export interface ClockWatchOptions {
  /** Why the clock is not known to be right; default: as the system says. */
  doubt?: (question: ClockQuestion) => Promise<string | undefined>;
  logger: Logger;
  /** It is known to be right now, or no longer. */
  onChange: (isTrusted: boolean) => void;
  /** Unix milliseconds, and milliseconds that never jump. */
  now?: () => number;
  monotonic?: () => number;
  lookMs?: number;
}

/** Asks whether the wall clock is right: until it is, and again when it has jumped. */
export class ClockWatch {
  #options: Required<ClockWatchOptions>;
  #isTrusted = false;
  /** Nobody has confirmed the clock since it jumped. */
  #hasJumped = false;
  #offsetMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isAsking = false;
  #isStopped = false;

  constructor(options: ClockWatchOptions) {
    this.#options = {
      doubt: clockDoubt,
      now: () => Date.now(),
      monotonic: () => performance.now(),
      lookMs: LOOK_MS,
      ...options,
    };
    this.#offsetMs = this.#offset();
  }

  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  /** Asks for the first time, then goes on looking. */
  async start(): Promise<void> {
    const doubt = await this.#ask();
    this.#isTrusted = doubt === undefined;
    if (doubt !== undefined) this.#warn(doubt);
    if (!this.#isStopped) this.#timer = setInterval(() => void this.#look(), this.#options.lookMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const jumpMs = this.#offset() - this.#offsetMs;
    this.#offsetMs += jumpMs;
    if (Math.abs(jumpMs) > JUMP_MS) this.#noteJump(jumpMs);
    if (this.#isTrusted && !this.#hasJumped || this.#isAsking) return;
    this.#isAsking = true;
    const doubt = await this.#ask();
    this.#isAsking = false;
    if (!this.#isStopped) this.#decide(doubt);
  }

  #decide(doubt: string | undefined): void {
    const wasTrusted = this.#isTrusted;
    this.#isTrusted = doubt === undefined;
    if (this.#isTrusted) this.#hasJumped = false;
    if (this.#isTrusted === wasTrusted) return;
    if (doubt !== undefined) this.#warn(doubt);
    this.#options.onChange(this.#isTrusted);
  }

  #ask(): Promise<string | undefined> {
    return this.#options.doubt({ hasJumped: this.#hasJumped });
  }

  #noteJump(jumpMs: number): void {
    this.#hasJumped = true;
    const how = `${formatDuration(Math.abs(jumpMs))} ${jumpMs < 0 ? "back" : "ahead"}`;
    this.#options.logger.warning(`the clock jumped ${how}`);
  }

  #warn(doubt: string): void {
    this.#options.logger.warning(
      `the clock is not known to be right (${doubt}); until it is, messages carry the time since boot and nothing ` +
        "is removed for its age",
    );
  }

  #offset(): number {
    return this.#options.now() - this.#options.monotonic();
  }
}
