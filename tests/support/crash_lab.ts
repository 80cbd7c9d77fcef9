// Runs in: tests.
import { fromFileUrl, join } from "@std/path";
import { judgeAfterCrash, prepare } from "./aftermath.ts";
import { Evidence } from "./evidence.ts";
import { type DiskHistory, HISTORIC_CALLS, HistoryReader } from "./disk_history.ts";
import { type Forgetting, leaveBehind } from "./forgetful_disk.ts";
import {
  countCalls,
  hasStruck,
  type Injection,
  runRecorded,
  runTraced,
  type Traced,
} from "./fault_injection.ts";
import { randomFrom } from "./sampling.ts";
import { Scratch } from "./scratch.ts";
import { BEFORE, FIRST_LIFE, type Phase, WORKLOAD } from "./workload.ts";

const DATABASES = ["outbox", "outbox.rebuilt"].flatMap((name) => [`${name}.sqlite3`, `${name}.sqlite3-wal`]);
/** How long a phase of the workload may take: a store that waits for a full disk is ended soon. */
const PATIENCE_MS = 60_000;
const FULL_DISK_PATIENCE_MS = 300;
const PROGRAM = fromFileUrl(new URL("./workload_program.ts", import.meta.url));

/** One call that is to fail, and the files that count. */
export interface Strike extends Injection {
  files: string[];
}

/** A workload on a folder that has been used, on the same with a damaged database, and on an empty folder. */
export type Workload = "two days" | "two days after a damage" | "the first life";

/** How one strike ended. */
export interface Outcome {
  /** False when the call was never made. */
  hasStruck: boolean;
  /** What was wrong afterwards. */
  faults: string[];
}

/** Lets the workload run on a fresh copy of the same folder again and again, each time with another call failing. */
export class CrashLab implements AsyncDisposable {
  #scratch = new Scratch("ivy-crash-");
  #workload: Workload;
  #retentionDays: number | null;
  #before = new Evidence();
  #cuts = 0;

  /** @param retentionDays with null, a full disk costs no day its files */
  constructor(workload: Workload, retentionDays: number | null) {
    this.#workload = workload;
    this.#retentionDays = retentionDays;
  }

  async prepare(): Promise<this> {
    if (this.#isFirst) await Deno.mkdir(this.#beginning);
    else this.#before = await prepare(this.#beginning);
    if (this.#workload === "two days after a damage") {
      Deno.writeTextFileSync(join(this.#beginning, "outbox.sqlite3"), "no database");
    }
    return this;
  }

  get #isFirst(): boolean {
    return this.#workload === "the first life";
  }

  get #beginning(): string {
    return join(this.#scratch.path, "beginning");
  }

  get phases(): Phase[] {
    return this.#isFirst ? FIRST_LIFE : WORKLOAD;
  }

  /** Every call of the workload, as a strike of one kind. */
  async strikes(kind: Pick<Injection, "fault" | "isLasting">): Promise<Strike[]> {
    const strikes: Strike[] = [];
    for (const files of this.#fileGroups()) {
      const { trace, code, stdout } = await this.#run(await this.#copy(), files);
      if (code !== 0) throw new Error(`the workload fails by itself:\n${stdout}`);
      for (const [call, count] of countCalls(trace)) {
        for (let when = 1; when <= count; when++) strikes.push({ call, when, files, ...kind });
      }
    }
    return strikes;
  }

  async strike(strike: Strike): Promise<Outcome> {
    const directory = await this.#copy();
    const traced = await this.#run(directory, strike.files, strike);
    const evidence = new Evidence().noteAll(traced.stdout);
    return { hasStruck: hasStruck(traced), faults: await this.#judge(directory, evidence) };
  }

  /**
   * Keeps what the workload does to the disk.
   *
   * @param failing this sync fails; the workload then runs once more, as its supervisor would have it
   */
  async record(failing?: Injection): Promise<DiskHistory> {
    const directory = await this.#copy();
    const reader = new HistoryReader(directory);
    for (const injection of failing === undefined ? [undefined] : [failing, undefined]) {
      const { trace, code, stdout } = await runRecorded(this.#program(directory), HISTORIC_CALLS, injection);
      reader.read(trace);
      if (code !== 0 && injection === undefined) throw new Error(`the workload fails by itself:\n${stdout}`);
    }
    await Deno.remove(directory, { recursive: true });
    return reader.history;
  }

  /** Cuts the power behind an event of the history, and judges what comes of that which is left. */
  async cutPower(history: DiskHistory, behind: number, forgetting: Forgetting): Promise<string[]> {
    const directory = join(this.#scratch.path, `cut${++this.#cuts}`);
    leaveBehind(history, behind, forgetting, randomFrom(behind), directory);
    const evidence = new Evidence();
    for (const event of history.events.slice(0, behind)) {
      if (event.kind === "said") evidence.noteAll(event.text);
    }
    return await this.#judge(directory, evidence);
  }

  async #judge(directory: string, evidence: Evidence): Promise<string[]> {
    const life = { directory, retentionDays: this.#retentionDays };
    const faults = await judgeAfterCrash(life, this.phases, evidence, this.#before);
    await Deno.remove(directory, { recursive: true });
    return faults;
  }

  /** Files that the store's own thread writes, and those that Deno's other threads write: strace counts by thread. */
  #fileGroups(): string[][] {
    const moments = [BEFORE, ...this.phases].flatMap(({ nowMs, commits }) =>
      commits.map(({ laterMs = 0 }) => nowMs + laterMs)
    );
    const days = [...new Set(moments.map((timeMs) => new Date(timeMs).toISOString().slice(0, 10)))];
    const ofDays = (ending: string) => days.map((day) => `messages/${day}${ending}`);
    return [
      [...DATABASES, "outbox.damaged", "places.json", "places.json.tmp", ...ofDays(".jsonl")],
      [...ofDays(".jsonl.gz"), ...ofDays(".jsonl.gz.tmp"), "messages", "."],
    ];
  }

  async #copy(): Promise<string> {
    return await this.#scratch.copyOf(this.#beginning);
  }

  #run(directory: string, files: string[], injection?: Injection): Promise<Traced> {
    const paths = files.map((file) => join(directory, file));
    return runTraced(this.#program(directory, injection), paths, injection);
  }

  #program(directory: string, injection?: Injection): string[] {
    const patienceMs = injection?.fault === "ENOSPC" ? FULL_DISK_PATIENCE_MS : PATIENCE_MS;
    const deno = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", PROGRAM];
    return [...deno, directory, this.#isFirst ? "first" : "whole", `${this.#retentionDays}`, `${patienceMs}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}
