// Runs in: store worker.
import type { Variant } from "../shared/message.ts";
import type { Backlog } from "./backlog.ts";
import { type Database, inTransaction } from "./database.ts";
import { linesOfDay, messageDays } from "../shared/message_files.ts";
import { parseLine, type Row } from "../shared/message_line.ts";

/** A replay goes on when fewer requeued messages than this wait for its backend: memory and disk stay flat. */
const REFILL_BELOW = 2000;
const CHUNK = 1000;

interface Job {
  replay_id: number;
  backend: string;
  from_ms: number;
  to_ms: number;
  day: string;
  line: number;
}

export interface ReplayOptions {
  database: Database;
  backlog: Backlog;
  /** `<root>/data/messages`. */
  directory: string;
  /** The corrected time of a row, Unix milliseconds. */
  correct: (row: Row) => number;
  /** Told when there is something to lease again. */
  onFed: () => void;
  onFailure: (error: unknown) => void;
}

/** Sends what stands in the daily files again to one backend, a piece at a time; goes on after a restart. */
export class Replays {
  #options: ReplayOptions;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** True when no replay is under way, or is fed just now: a commit need not look. */
  #isIdle = false;
  #readers = new Map<number, AsyncGenerator<string, void, void>>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Begins a replay of the messages from `fromMs` to before `toMs` (Unix milliseconds). @returns its number. */
  start(backend: string, fromMs: number, toMs: number): number {
    if (!this.#options.backlog.backends.includes(backend)) {
      throw new Error(`there is no backend "${backend}"`);
    }
    const day = messageDays(this.#options.directory)[0] ?? "";
    this.#isIdle = false;
    const { database } = this.#options;
    const insert =
      "INSERT INTO replays (replay_id, backend, from_ms, to_ms, day, line) VALUES (?, ?, ?, ?, ?, 0)";
    return inTransaction(database, () => {
      const replayId = this.#writeNextId();
      database.prepare(insert).run(replayId, backend, fromMs, toMs, day);
      return replayId;
    });
  }

  /** Reads on wherever a backend has room; returns at once when that is being done already. */
  feed(): void {
    if (this.#isIdle || this.#isClosed) return;
    this.#isIdle = true; // until a replay begins, or room appears while this one works
    this.#work = this.#work.then(() => this.#feedAll()).catch(this.#options.onFailure);
  }

  /** Begins nothing more. */
  abandon(): void {
    this.#isClosed = true;
  }

  async close(): Promise<void> {
    this.abandon();
    await this.#work;
    for (const reader of this.#readers.values()) await reader.return();
    this.#readers.clear();
  }

  /** SQLite would give the number of a replay that has ended to the next one, whose reader might still be open. */
  #writeNextId(): number {
    const { database } = this.#options;
    const select = "SELECT max(coalesce((SELECT value FROM meta WHERE key = 'last_replay_id'), 0), " +
      "coalesce((SELECT max(replay_id) FROM replays), 0)) AS id";
    const replayId = Number(database.prepare(select).get()!["id"]) + 1;
    database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_replay_id', ?)").run(replayId);
    return replayId;
  }

  async #feedAll(): Promise<void> {
    for (let fed = true; fed && !this.#isClosed;) {
      fed = false;
      const jobs = this.#jobs();
      this.#closeReadersWithout(jobs);
      for (const job of jobs) {
        if (this.#isClosed) return;
        fed = await this.#feedOne(job) || fed;
      }
      if (fed) this.#options.onFed();
    }
    this.#isIdle = this.#isClosed || this.#jobs().length === 0;
  }

  #jobs(): Job[] {
    return this.#options.database.prepare("SELECT * FROM replays").all() as unknown as Job[];
  }

  async #feedOne(job: Job): Promise<boolean> {
    const { database, backlog } = this.#options;
    if (backlog.requeue.size(job.backend, REFILL_BELOW) >= REFILL_BELOW) return false;
    const { rows, line, isDone } = await this.#readChunk(job);
    if (this.#isClosed) return false; // it is read again by the next store
    inTransaction(database, () => {
      if (!this.#jobs().some(({ replay_id }) => replay_id === job.replay_id)) return; // its backend was removed
      for (const row of rows) backlog.requeue.add(job.backend, row);
      if (!isDone) {
        database.prepare("UPDATE replays SET line = ? WHERE replay_id = ?").run(line, job.replay_id);
      } else this.#finishDay(job);
    });
    return true;
  }

  #closeReadersWithout(jobs: Job[]): void {
    for (const [id, reader] of this.#readers) {
      if (jobs.some(({ replay_id }) => replay_id === id)) continue;
      this.#readers.delete(id);
      void reader.return();
    }
  }

  /** The next wanted rows of the job's day; the reader stays open from chunk to chunk. */
  async #readChunk(job: Job): Promise<{ rows: Row[]; line: number; isDone: boolean }> {
    const reader = await this.#reader(job);
    const rows: Row[] = [];
    for (let line = job.line; line < job.line + CHUNK; line++) {
      const next = await reader.next();
      if (next.done) return { rows, line, isDone: true };
      const row = parseLine(next.value);
      if (row !== undefined && this.#isWanted(row, job)) rows.push(row);
    }
    return { rows, line: job.line + CHUNK, isDone: false };
  }

  async #reader(job: Job): Promise<AsyncGenerator<string, void, void>> {
    const open = this.#readers.get(job.replay_id);
    if (open !== undefined) return open;
    const reader = linesOfDay(this.#options.directory, job.day);
    for (let line = 0; line < job.line; line++) await reader.next();
    this.#readers.set(job.replay_id, reader);
    return reader;
  }

  /** What the backend has not passed yet comes anyway. */
  #isWanted(row: Row, { backend, from_ms: fromMs, to_ms: toMs }: Job): boolean {
    const timeMs = this.#options.correct(row);
    return timeMs >= fromMs && timeMs < toMs &&
      row.id <= this.#options.backlog.doneIdOf(backend, row.variant as Variant);
  }

  #finishDay(job: Job): void {
    const { database, directory } = this.#options;
    this.#readers.delete(job.replay_id);
    const next = messageDays(directory).find((day) => day > job.day);
    if (next === undefined) database.prepare("DELETE FROM replays WHERE replay_id = ?").run(job.replay_id);
    else {database.prepare("UPDATE replays SET day = ?, line = 0 WHERE replay_id = ?").run(
        next,
        job.replay_id,
      );}
  }
}
