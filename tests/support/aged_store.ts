// Runs in: tests.
import { join } from "@std/path";
import { judgeAfterCrash } from "./aftermath.ts";
import { Evidence } from "./evidence.ts";
import { Scratch } from "./scratch.ts";
import { append, drain, openAt, type Phase } from "./workload.ts";

const DAY_MS = 86_400_000;
/** Noon of the store's second day. */
export const NOW_MS = Date.parse("2099-05-01T12:00:00Z");
const FIRST_DAY = { from: 1, to: 60 };
/** Places are noted before these. */
const ACKNOWLEDGED = { from: 61, to: 160 };
const WAITING = { from: 161, to: 200 };
/** What the judge sends afterwards. */
const AFTERWARDS: Phase = { nowMs: NOW_MS, commits: [{ from: 1, to: 210 }], drains: [] };

/** What is left of a store that was killed at work, in its second day, with a log that is not applied yet. */
export class AgedStore implements AsyncDisposable {
  readonly evidence = new Evidence();
  #scratch = new Scratch("ivy-aged-");

  async age(): Promise<this> {
    const directory = join(this.#scratch.path, "living");
    const say = (line: string) => this.evidence.note(line);
    const life = { directory, retentionDays: null, say };
    const unexpected = (error: unknown) => say(`log FAILED ${error}`);
    const first = await openAt({ nowMs: NOW_MS - DAY_MS }, life, unexpected);
    await append(first, FIRST_DAY.from, FIRST_DAY.to, say);
    for (const backend of ["near", "far"]) await drain(first, backend, say);
    await first.close();
    const second = await openAt({ nowMs: NOW_MS }, life, unexpected);
    await append(second, ACKNOWLEDGED.from, ACKNOWLEDGED.to, say);
    await drain(second, "near", say);
    for (let at = WAITING.from; at < WAITING.to; at += 10) await append(second, at, at + 9, say);
    await this.#scratch.copyOf(directory, "killed");
    await second.close();
    return this;
  }

  /** A copy of what is left, to be damaged. */
  async copy(): Promise<string> {
    return await this.#scratch.copyOf(join(this.#scratch.path, "killed"));
  }

  /**
   * Opens a damaged copy, lets it work and judges it.
   *
   * @returns what is wrong, and what the store has logged.
   */
  async judge(directory: string): Promise<{ faults: string[]; complaints: string[] }> {
    const evidence = new Evidence(); // without what was settled after the places had been noted: that may come again
    for (const key of this.evidence.acknowledged) evidence.acknowledged.add(key);
    const before = new Evidence();
    for (const [backend, keys] of this.evidence.leased) {
      keys.forEach((key) => before.leasedBy(backend).add(key));
    }
    const faults = await judgeAfterCrash({ directory, retentionDays: null }, [AFTERWARDS], evidence, before);
    return { faults: [...faults, ...handedOutAgain(evidence)], complaints: evidence.complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}

/** What had been settled when the places were noted must not come again. */
function handedOutAgain(evidence: Evidence): string[] {
  return [...evidence.leased].flatMap(([backend, keys]) =>
    [...keys].filter((key) => Number(key.slice(1)) <= FIRST_DAY.to)
      .map((key) => `${key} was handed to "${backend}" again`)
  );
}
