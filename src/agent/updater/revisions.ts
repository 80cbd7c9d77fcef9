// Runs in: main thread.
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";

/** A revision that this node has rejected. */
export interface RejectedRevision {
  revision: number;
  reason: string;
  /** The servers have been told (or will be: the message is safe in the store). */
  isReported: boolean;
  /** When, Unix milliseconds; what an older Ivy noted has none. */
  timeMs?: number;
}

/** A revision that this node has taken into use. */
export interface AcceptedRevision {
  revision: number;
  timeMs: number;
}

/** How many are remembered: the highest. */
const MAX_REMEMBERED = 1000;
/** How many accepted ones: they are only shown. */
const MAX_ACCEPTED = 50;

/** What became of revisions, in a file that survives power cuts; a damaged file counts as empty. */
export class Revisions {
  #paths: Pick<Paths, "revisions">;
  #rejected: Map<number, RejectedRevision>;
  #accepted: AcceptedRevision[];
  #now: () => number;

  /** @param now Unix milliseconds. */
  constructor(paths: Pick<Paths, "revisions">, now: () => number = Date.now) {
    this.#paths = paths;
    this.#now = now;
    const { rejected, accepted } = readRevisions(paths.revisions);
    this.#rejected = new Map(rejected.map((found) => [found.revision, found]));
    this.#accepted = accepted;
  }

  /** All that is remembered, for eyes. */
  get history(): { rejected: RejectedRevision[]; accepted: AcceptedRevision[] } {
    return { rejected: [...this.#rejected.values()], accepted: this.#accepted };
  }

  get rejected(): ReadonlySet<number> {
    return new Set(this.#rejected.keys());
  }

  get unreported(): RejectedRevision[] {
    return [...this.#rejected.values()].filter(({ isReported }) => !isReported);
  }

  reject(revision: number, reason: string): void {
    this.#set({ revision, reason, isReported: false, timeMs: this.#now() });
  }

  /** Remembered to be shown only: that it cannot be written down must not harm the configuration. */
  accept(revision: number): void {
    this.#accepted = [...this.#accepted, { revision, timeMs: this.#now() }].slice(-MAX_ACCEPTED);
    try {
      this.#write();
    } catch { /* a full disk; it is known until the agent ends */ }
  }

  markReported(revision: number): void {
    const rejected = this.#rejected.get(revision);
    if (rejected !== undefined) this.#set({ ...rejected, isReported: true });
  }

  #set(rejected: RejectedRevision): void {
    this.#rejected.set(rejected.revision, rejected);
    this.#write();
  }

  #write(): void {
    const rejected = [...this.#rejected.values()].sort((a, b) => a.revision - b.revision).slice(
      -MAX_REMEMBERED,
    );
    replaceFile(
      this.#paths.revisions,
      `${JSON.stringify({ rejected, accepted: this.#accepted }, null, 2)}\n`,
    );
  }
}

function readRevisions(path: string): { rejected: RejectedRevision[]; accepted: AcceptedRevision[] } {
  try {
    const { rejected = [], accepted = [] } = JSON.parse(readIfThere(path) ?? "{}");
    const isWhole = ({ revision }: { revision: unknown }) => Number.isInteger(revision);
    return { rejected: rejected.filter(isWhole), accepted: accepted.filter(isWhole) };
  } catch {
    return { rejected: [], accepted: [] };
  }
}
