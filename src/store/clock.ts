// Runs in: store worker.
import type { Database } from "./database.ts";
import type { Row } from "../shared/message_line.ts";
import type { ClockCorrection } from "../shared/protocol.ts";

export interface ClockOptions {
  database: Database;
  /** The kernel's boot, and how long ago it was when this was made. */
  boot: { id: string; uptimeMs: number };
  trusted: boolean;
  /** Unix milliseconds; may be wrong, may jump. */
  now: () => number;
  /** Milliseconds that never jump. */
  monotonic: () => number;
}

/** A jump of the wall clock that is larger than this between two commits is one, in milliseconds. */
const JUMP_MS = 500;

/**
 * Knows when the wall clock cannot be believed. Until it can, messages carry their boot and the time since it; once it
 * can, one correction per boot tells when that boot was.
 */
export class Clock {
  #options: ClockOptions;
  #trusted: boolean;
  /** What to add to {@link ClockOptions.monotonic} to get the time since boot. */
  #sinceBootMs: number;
  /** Wall clock minus time since boot, as of the last look. */
  #offsetMs: number;
  #bootedMs = new Map<string, number>();

  constructor(options: ClockOptions) {
    this.#options = options;
    this.#sinceBootMs = options.boot.uptimeMs - options.monotonic();
    this.#offsetMs = options.now() - this.#monotonicMs();
    this.#trusted = options.trusted;
    for (const { boot, bootedMs } of this.corrections()) this.#bootedMs.set(boot, bootedMs);
  }

  get trusted(): boolean {
    return this.#trusted;
  }

  /**
   * The clock has been found right: stores when this boot was. Call it in a transaction.
   *
   * @returns by how much the clock had been off, in milliseconds; undefined when it was trusted before.
   */
  writeTrust(): number | undefined {
    if (this.#trusted) return undefined;
    const { database, boot, now } = this.#options;
    const bootedMs = Math.round(now() - this.#monotonicMs());
    database.prepare("INSERT OR REPLACE INTO corrections (boot, booted_ms) VALUES (?, ?)").run(
      boot.id,
      bootedMs,
    );
    const offMs = bootedMs - this.#offsetMs;
    this.#trusted = true;
    this.#bootedMs.set(boot.id, bootedMs);
    return offMs;
  }

  /** From now on it is not known to be right any more, until {@link writeTrust}. */
  distrust(): void {
    this.#trusted = false;
  }

  /** How to write down a message that its sender stamped with `timeMs`; undefined while the clock is right. */
  unproven(timeMs: number): { boot: string; monotonicMs: number } | undefined {
    if (this.#trusted) return undefined;
    const nowMs = this.#monotonicMs();
    const offsetMs = this.#options.now() - nowMs;
    const isOwnTime = (candidate: number) => candidate <= nowMs + JUMP_MS && candidate > nowMs - 60_000;
    // stamped before a jump, stored after it: the old offset fits
    const fitting = [timeMs - offsetMs, timeMs - this.#offsetMs].find(isOwnTime) ?? timeMs - offsetMs;
    return { boot: this.#options.boot.id, monotonicMs: Math.round(fitting) };
  }

  /** To be called after each commit: remembers how wall clock and monotonic clock stand to each other. */
  look(): void {
    this.#offsetMs = this.#options.now() - this.#monotonicMs();
  }

  /** The time of a row in Unix milliseconds, put right when the clock of its boot was wrong. */
  correct({ time_ms: timeMs, boot, monotonic_ms: monotonicMs }: Row): number {
    const bootedMs = boot === null ? undefined : this.#bootedMs.get(boot);
    return bootedMs === undefined || monotonicMs === null ? timeMs : bootedMs + monotonicMs;
  }

  corrections(): ClockCorrection[] {
    return this.#options.database.prepare("SELECT boot, booted_ms FROM corrections").all()
      .map((row) => ({ boot: String(row["boot"]), bootedMs: Number(row["booted_ms"]) }));
  }

  #monotonicMs(): number {
    return this.#options.monotonic() + this.#sinceBootMs;
  }
}
