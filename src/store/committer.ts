// Runs in: store worker.
import { setImmediate } from "node:timers";
import type { NewRow } from "../shared/message_line.ts";
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { Producer, StoreToProducer } from "../shared/protocol.ts";
import { utcDay } from "../shared/time.ts";
import type { Backlog } from "./backlog.ts";
import type { Bounds } from "./bounds.ts";
import type { Clock } from "./clock.ts";
import { type Database, inTransaction, isDiskFull } from "./database.ts";
import type { Appended, Batch, Outbox } from "./outbox.ts";

/** What could not be committed on a full disk is tried again this often, in milliseconds. */
const RETRY_MS = 5000;
/** How many rows that nobody waits for leave the outbox per variant and commit. */
const REMOVE_STEP = 2000;
const UNPLACED = "nobody can say any more whether it is stored; send it again as a new message";
const DISK_FULL = "the disk is full; free some space, or lower storage.retention_days";

/** A batch that waits for the next commit, and the door for its answer. */
export interface PendingBatch extends Batch {
  answer: (answer: StoreToProducer) => void;
}

export interface CommitterOptions {
  database: Database;
  outbox: Outbox;
  backlog: Backlog;
  bounds: Bounds;
  clock: Clock;
  /** Longest wait for more to commit, in milliseconds; 0 = none. */
  intervalMs: number;
  /** Unix milliseconds. */
  now: () => number;
  /** Called after each commit, with what it stored. */
  onCommitted: (rows: NewRow[]) => void;
  /** False when what was committed is not where the database's name leads: then nothing of it may be answered. */
  isInPlace: () => boolean;
  /** Called then; nothing more is committed. `answer` is for when what was committed is where it should be. */
  onMoved: (answer: () => void) => void;
  /** New messages were refused because the disk is full. */
  onDiskFull: () => void;
  onFailure: (error: unknown) => void;
}

/** Commits whatever is waiting in one transaction: what comes meanwhile is the next one. */
export class Committer {
  #options: CommitterOptions;
  #pending: PendingBatch[] = [];
  #settled: (() => void)[] = [];
  #leaving: Producer[] = [];
  #refused: number;
  #syncedId = 0;
  #mustSaveSynced = false;
  /** Of each variant, rows up to this id have left the outbox. */
  #removedIds: Record<Variant, number> = { config: 0, log: 0, data: 0 };
  #isScheduled = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#refused = Number(options.outbox.meta("refused") ?? 0);
  }

  /** How many messages have ever been refused. */
  get refused(): number {
    return this.#refused;
  }

  append(batch: PendingBatch): void {
    this.#pending.push(batch);
    this.schedule();
  }

  /** A producer has ended: when what it has sent is committed, nothing is remembered of it. */
  forget(producer: Producer): void {
    this.#leaving.push(producer);
    this.schedule();
  }

  /** Commits what the backlog knows, then calls `answer`. */
  settle(answer: () => void): void {
    this.#settled.push(answer);
    this.schedule();
  }

  /** Daily files are synced up to this id: what no backend waits for may leave. */
  noteSynced(id: number): void {
    this.#syncedId = id;
    this.#mustSaveSynced = true;
    this.schedule();
  }

  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    const { intervalMs } = this.#options;
    if (intervalMs === 0) setImmediate(() => this.#commitScheduled());
    else setTimeout(() => this.#commitScheduled(), intervalMs);
  }

  /** Commits now. @throws when the database fails for another reason than a full disk. */
  commit(): void {
    if (this.#isClosed) return;
    const pending = this.#pending.splice(0);
    const settled = this.#settled.splice(0);
    try {
      const { appended, apply, hasMore } = inTransaction(this.#options.database, () => this.#write(pending));
      const finish = () => {
        apply();
        this.#options.clock.look();
        const rows = appended.flatMap((batch) => batch.rows);
        this.#options.onCommitted(rows); // before the answers: whoever has one may look for its line
        pending.forEach((batch, index) => answerAppended(batch, appended[index]!));
        for (const answer of settled) answer();
      };
      if (!this.#options.isInPlace()) return this.#moved(finish);
      finish();
      if (hasMore) this.schedule();
    } catch (error) {
      this.#options.outbox.reload();
      if (!isDiskFull(error)) throw error;
      this.#settled.unshift(...settled); // known in memory, durable with the next commit that works
      this.#refuse(pending);
    }
  }

  /** Nothing is committed after this. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #moved(answer: () => void): void {
    this.close();
    this.#options.onMoved(answer);
  }

  #commitScheduled(): void {
    this.#isScheduled = false;
    try {
      this.commit();
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  /** Everything that one commit does, inside its transaction. */
  #write(pending: PendingBatch[]): { appended: Appended[]; apply: () => void; hasMore: boolean } {
    const { outbox, backlog, bounds, clock, now } = this.#options;
    const nowMs = now();
    const time = { day: utcDay(nowMs), unproven: (timeMs: number) => clock.unproven(timeMs) };
    const appended = outbox.append(pending, time);
    const leaving = this.#leaving.length;
    for (const producer of this.#leaving) outbox.forget(producer);
    const steps = backlog.writePlaces(nowMs);
    if (this.#mustSaveSynced) this.#saveCounters();
    const isDropping = bounds.write(steps, this.#syncedId, nowMs);
    const removals = VARIANTS.map((variant) => this.#removeDone(variant));
    return {
      appended,
      hasMore: isDropping || removals.some(({ hasMore }) => hasMore),
      apply: () => {
        steps.apply();
        for (const { apply: applyRemoval } of removals) applyRemoval();
        this.#leaving.splice(0, leaving);
        this.#mustSaveSynced = false;
      },
    };
  }

  #saveCounters(): void {
    const { outbox } = this.#options;
    outbox.saveCounters();
    outbox.setMeta("synced_id", this.#syncedId);
    outbox.setMeta("refused", this.#refused);
  }

  /** Removes rows that nobody waits for. @returns whether there are more, and what to do once it is committed. */
  #removeDone(variant: Variant): { hasMore: boolean; apply: () => void } {
    const { backlog, outbox } = this.#options;
    const id = Math.min(backlog.doneId(variant), this.#syncedId);
    if (id <= this.#removedIds[variant]) return { hasMore: false, apply: () => {} };
    const hasMore = outbox.remove(variant, id, REMOVE_STEP) === REMOVE_STEP;
    return { hasMore, apply: () => hasMore || (this.#removedIds[variant] = id) };
  }

  #refuse(pending: PendingBatch[]): void {
    for (const { messages, answer } of pending) {
      this.#refused += messages.length;
      answer({ type: "refused", sequences: sequencesOf(messages), reason: DISK_FULL });
    }
    this.#options.onDiskFull();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.schedule(), RETRY_MS);
  }
}

function answerAppended({ messages, answer }: PendingBatch, { unplaced }: Appended): void {
  const sequences = sequencesOf(messages).filter((sequence) => !unplaced.includes(sequence));
  answer({ type: "appended", sequences });
  if (unplaced.length > 0) answer({ type: "refused", sequences: unplaced, reason: UNPLACED });
}

function sequencesOf(messages: Batch["messages"]): number[] {
  return messages.map(({ sequence }) => sequence);
}
