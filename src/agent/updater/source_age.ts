// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Release } from "../../shared/release.ts";
import { dateOf } from "../../shared/release_marks.ts";
import type { Paths } from "../paths.ts";
import { readKnownReleases, rememberReleases } from "./known_releases.ts";

const DAY_MS = 86_400_000;
/** When a source that could not be asked is asked again, in milliseconds. */
const RETRY_MS = 3_600_000;

/** @returns what is wrong with a source whose newest list is of this day; undefined when nothing is. */
export function ageWarning(date: string, maxAgeDays: number, nowMs: number): string | undefined {
  const days = Math.floor((nowMs - Date.parse(date)) / DAY_MS);
  if (days <= maxAgeDays) return undefined;
  return `the newest release that the source has ever offered is of ${date}, ${days} days ago, and ` +
    `updater.max_age_days is ${maxAgeDays}: nobody releases any more, or newer ones are withheld`;
}

export interface SourceAgeOptions {
  paths: Pick<Paths, "releases">;
  /** `updater.max_age_days`; null = nobody wants to know. */
  maxAgeDays: () => number | null;
  /** The newest release of the source, verified. */
  findNewest: () => Promise<Release>;
  logger: Logger;
}

/** Looks once a day whether the source of releases has stopped to offer new ones, as one does that withholds them. */
export class SourceAge {
  /** What people should know; undefined = nothing. */
  warning: string | undefined;
  #options: SourceAgeOptions;
  #nextMs = -Infinity;
  #loggedMs = -Infinity;

  constructor(options: SourceAgeOptions) {
    this.#options = options;
  }

  /** To be called now and then, while the clock is right. Logs at most once a day. */
  async look(nowMs: number): Promise<void> {
    const maxAgeDays = this.#options.maxAgeDays();
    if (maxAgeDays === null) this.warning = undefined;
    if (maxAgeDays === null || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + RETRY_MS;
    this.warning = await this.#judge(maxAgeDays, nowMs);
    if (this.warning === undefined || nowMs < this.#loggedMs + DAY_MS) return;
    this.#loggedMs = nowMs;
    this.#options.logger.warning(this.warning);
  }

  /** The newest day that was ever seen counts: an older list, offered again, changes nothing. */
  async #judge(maxAgeDays: number, nowMs: number): Promise<string | undefined> {
    const { paths, findNewest } = this.#options;
    let reason = "the newest release that the source offers carries no date";
    try {
      const date = dateOf(await findNewest());
      this.#nextMs = nowMs + DAY_MS;
      if (date !== undefined) rememberDate(paths, date);
    } catch (error) {
      reason = sentenceOf(error);
    }
    const newest = readKnownReleases(paths)?.date;
    if (newest !== undefined) return ageWarning(newest, maxAgeDays, nowMs);
    return `nobody knows how old the newest release of the source is: ${reason}`;
  }
}

function rememberDate(paths: Pick<Paths, "releases">, date: string): void {
  if (date > (readKnownReleases(paths)?.date ?? "")) rememberReleases(paths, (known) => known.date = date);
}
