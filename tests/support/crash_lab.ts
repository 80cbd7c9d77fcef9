// Runs in: tests.
import { fromFileUrl, join } from "@std/path";
import { type Beginning, judgeAfterCrash, prepare } from "./aftermath.ts";
import { Evidence } from "./evidence.ts";
import { countCalls, hasStruck, type Injection, runTraced, type Traced } from "./fault_injection.ts";
import { Scratch } from "./scratch.ts";
import { BEFORE, FIRST_LIFE, type Phase, WORKLOAD } from "./workload.ts";

const PROGRAM = fromFileUrl(new URL("./workload_program.ts", import.meta.url));

/** One call that is to fail, and the files that count. */
export interface Strike extends Injection {
  files: string[];
}

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
  #which: "whole" | "first";
  #beginning!: Beginning;

  /** @param which `whole`: a workload on a folder that has been used; `first`: a store that is made from nothing. */
  constructor(which: "whole" | "first") {
    this.#which = which;
  }

  async prepare(): Promise<this> {
    const directory = join(this.#scratch.path, "beginning");
    if (this.#which === "whole") this.#beginning = await prepare(directory);
    else {
      await Deno.mkdir(directory);
      this.#beginning = { directory, evidence: new Evidence() };
    }
    return this;
  }

  get phases(): Phase[] {
    return this.#which === "whole" ? WORKLOAD : FIRST_LIFE;
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
    const faults = await judgeAfterCrash(directory, this.phases, evidence, this.#beginning.evidence);
    await Deno.remove(directory, { recursive: true });
    return { hasStruck: hasStruck(traced), faults };
  }

  /** Files that the store's own thread writes, and those that Deno's other threads write: strace counts by thread. */
  #fileGroups(): string[][] {
    const days = [BEFORE, ...this.phases].map(({ nowMs }) => new Date(nowMs).toISOString().slice(0, 10));
    const ofDays = (ending: string) => days.map((day) => `messages/${day}${ending}`);
    return [
      ["outbox.sqlite3", "outbox.sqlite3-wal", "places.json", "places.json.tmp", ...ofDays(".jsonl")],
      [...ofDays(".jsonl.gz"), ...ofDays(".jsonl.gz.tmp"), "messages", "."],
    ];
  }

  async #copy(): Promise<string> {
    return await this.#scratch.copyOf(this.#beginning.directory);
  }

  #run(directory: string, files: string[], injection?: Injection): Promise<Traced> {
    const program = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", PROGRAM];
    const paths = files.map((file) => join(directory, file));
    return runTraced([...program, directory, this.#which], paths, injection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}
