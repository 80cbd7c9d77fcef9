// Runs in: main thread.
import { cutText } from "../../shared/text.ts";
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

/** The revision that is being tried now, or was when the agent ended without a word. */
export interface TriedRevision {
  revision: number;
  /** Of the kernel: tells a node that the attempt has killed from one that was switched off. */
  bootId: string;
  /** How often it has been begun. */
  attempts: number;
}

/** How many are remembered: the highest, and how much text they have together, in UTF-16 code units. */
const MAX_REMEMBERED = 1000;
const MAX_REMEMBERED_LENGTH = 131_072;
/** How much is kept and told of why a revision was rejected, which may quote it; in UTF-16 code units. */
export const MAX_REASON_LENGTH = 2000;
/** How many accepted ones: they are only shown. */
const MAX_ACCEPTED = 50;

/** What became of revisions, in a file that survives power cuts; a damaged file counts as empty. */
export class Revisions {
  #paths: Pick<Paths, "revisions">;
  #rejected: Map<number, RejectedRevision>;
  #accepted: AcceptedRevision[];
  #tried: TriedRevision | undefined;
  #now: () => number;

  /** @param now Unix milliseconds. */
  constructor(paths: Pick<Paths, "revisions">, now: () => number = Date.now) {
    this.#paths = paths;
    this.#now = now;
    const { rejected, accepted, tried } = readRevisions(paths.revisions);
    this.#rejected = highest(rejected.map(withShortReason));
    this.#accepted = accepted;
    this.#tried = tried;
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

  /** What was being tried when this file was last written; undefined when nothing was. */
  get tried(): TriedRevision | undefined {
    return this.#tried;
  }

  /** To be called before anything of a revision is tried: whoever comes after a crash knows which one it was. */
  begin(revision: number, bootId: string): void {
    const before = this.#tried?.revision === revision ? this.#tried.attempts : 0;
    this.#tried = { revision, bootId, attempts: before + 1 };
    this.#write();
  }

  /** The attempt is over, or was ended in order. */
  end(): void {
    if (this.#tried === undefined) return;
    this.#tried = undefined;
    this.#writeIfPossible();
  }

  /** A person on the node has allowed a revision that was rejected. */
  forget(revision: number): void {
    if (this.#rejected.delete(revision)) this.#writeIfPossible();
  }

  reject(revision: number, reason: string): void {
    this.#set(withShortReason({ revision, reason, isReported: false, timeMs: this.#now() }));
  }

  /** Remembered to be shown only: that it cannot be written down must not harm the configuration. */
  accept(revision: number): void {
    this.#accepted = [...this.#accepted, { revision, timeMs: this.#now() }].slice(-MAX_ACCEPTED);
    this.#writeIfPossible();
  }

  markReported(revision: number): void {
    const rejected = this.#rejected.get(revision);
    if (rejected !== undefined) this.#set({ ...rejected, isReported: true });
  }

  #set(rejected: RejectedRevision): void {
    this.#rejected = highest([...this.#rejected.values(), rejected]);
    this.#write();
  }

  #writeIfPossible(): void {
    try {
      this.#write();
    } catch { /* a full disk; it is known until the agent ends */ }
  }

  #write(): void {
    const rejected = [...this.#rejected.values()];
    replaceFile(
      this.#paths.revisions,
      `${JSON.stringify({ rejected, accepted: this.#accepted, tried: this.#tried }, null, 2)}\n`,
    );
  }
}

/** Of those that are there twice the last; in rising order. */
function highest(rejected: RejectedRevision[]): Map<number, RejectedRevision> {
  const falling = [...new Map(rejected.map((one) => [one.revision, one])).values()]
    .sort((a, b) => b.revision - a.revision).slice(0, MAX_REMEMBERED);
  let length = 0;
  const tooMuch = falling.findIndex((one) => (length += JSON.stringify(one).length) > MAX_REMEMBERED_LENGTH);
  const kept = tooMuch < 0 ? falling : falling.slice(0, tooMuch);
  return new Map(kept.reverse().map((one) => [one.revision, one]));
}

function withShortReason(rejected: RejectedRevision): RejectedRevision {
  return { ...rejected, reason: cutText(String(rejected.reason), MAX_REASON_LENGTH) };
}

function readRevisions(
  path: string,
): { rejected: RejectedRevision[]; accepted: AcceptedRevision[]; tried: TriedRevision | undefined } {
  try {
    const { rejected = [], accepted = [], tried } = JSON.parse(readIfThere(path) ?? "{}");
    const isWhole = ({ revision }: { revision: unknown }) => Number.isInteger(revision);
    return {
      rejected: rejected.filter(isWhole),
      accepted: accepted.filter(isWhole),
      tried: tried !== undefined && isWhole(tried) ? tried : undefined,
    };
  } catch {
    return { rejected: [], accepted: [], tried: undefined };
  }
}
