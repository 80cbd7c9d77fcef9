// Runs in: main thread.
import { readIfThere, replaceFile } from "../files.ts";

/** A revision that this node has rejected. */
export interface RejectedRevision {
  revision: number;
  reason: string;
  /** The servers have been told (or will be: the message is safe in the store). */
  isReported: boolean;
}

/** How many are remembered: the highest. */
const MAX_REMEMBERED = 1000;

/** The revisions that were rejected, in a file that survives power cuts; a damaged file counts as empty. */
export class Revisions {
  #path: string;
  #rejected: Map<number, RejectedRevision>;

  constructor(path: string) {
    this.#path = path;
    this.#rejected = new Map(readRejected(path).map((rejected) => [rejected.revision, rejected]));
  }

  get rejected(): ReadonlySet<number> {
    return new Set(this.#rejected.keys());
  }

  get unreported(): RejectedRevision[] {
    return [...this.#rejected.values()].filter(({ isReported }) => !isReported);
  }

  reject(revision: number, reason: string): void {
    this.#set({ revision, reason, isReported: false });
  }

  markReported(revision: number): void {
    const rejected = this.#rejected.get(revision);
    if (rejected !== undefined) this.#set({ ...rejected, isReported: true });
  }

  #set(rejected: RejectedRevision): void {
    this.#rejected.set(rejected.revision, rejected);
    const kept = [...this.#rejected.values()].sort((a, b) => a.revision - b.revision).slice(-MAX_REMEMBERED);
    replaceFile(this.#path, `${JSON.stringify({ rejected: kept }, null, 2)}\n`);
  }
}

function readRejected(path: string): RejectedRevision[] {
  try {
    const { rejected } = JSON.parse(readIfThere(path) ?? "{}") as { rejected?: RejectedRevision[] };
    return (rejected ?? []).filter(({ revision }) => Number.isInteger(revision));
  } catch {
    return [];
  }
}
