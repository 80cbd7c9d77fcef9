// Runs in: tests.
import { fromFileUrl, join } from "@std/path";
import { findFaults } from "./store_oracle.ts";

const PROGRAM = fromFileUrl(new URL("./kill_program.ts", import.meta.url));
/** A store that says nothing for so long is stuck. */
const DEADLINE_MS = 60_000;

/** Runs the same store again and again, kills it, and remembers what it has promised. */
export class KillChain implements AsyncDisposable {
  readonly acknowledged = new Set<string>();
  readonly settled = new Map<string, number[]>();
  /** Warnings and errors that the store logged. */
  readonly complaints: string[] = [];
  kills = 0;
  #folder = Deno.makeTempDirSync({ prefix: "ivy-kill-" });
  #runs = 0;

  get directory(): string {
    return join(this.#folder, "data");
  }

  /** Kills the store while it opens, after so many milliseconds. */
  async killWhileOpening(delayMs: number): Promise<void> {
    const run = this.#start();
    const timer = setTimeout(() => run.kill(), delayMs);
    await run.ended;
    clearTimeout(timer);
    this.kills++;
  }

  /**
   * Opens the store, judges it, lets it work, and kills it when it has said so many lines.
   *
   * @returns what was wrong after it had opened.
   */
  async killAtWork(lines: number): Promise<string[]> {
    const run = this.#start();
    await run.until((said) => said.includes("opened"));
    const faults = this.#judge();
    await run.go();
    await run.until((said) => said.length > lines);
    run.kill();
    await run.ended;
    this.kills++;
    return faults;
  }

  /** Opens the store, closes it in order, and judges it. */
  async closeInOrder(): Promise<string[]> {
    const run = this.#start();
    await run.until((said) => said.includes("opened"));
    await run.close();
    await run.ended;
    return this.#judge();
  }

  #judge(): string[] {
    return findFaults(this.directory, { acknowledged: this.acknowledged, settled: this.settled });
  }

  #start(): Run {
    return new Run(this.directory, `r${++this.#runs}`, (line) => this.#note(line));
  }

  #note(line: string): void {
    const [word, first = "", second = ""] = line.split(" ");
    if (word === "a") this.acknowledged.add(first);
    if (word === "s") this.settled.set(first, [...this.settled.get(first) ?? [], Number(second)]);
    if (word === "log") this.complaints.push(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** One life of the program. */
class Run {
  readonly ended: Promise<void>;
  #child: Deno.ChildProcess;
  #said: string[] = [];
  #onLine = () => {};

  constructor(directory: string, name: string, note: (line: string) => void) {
    const args = ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, directory, name];
    this.#child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
    this.ended = this.#read(note);
  }

  /** Waits until what it has said (whole lines) is enough. */
  async until(isEnough: (said: string[]) => boolean): Promise<void> {
    if (isEnough(this.#said)) return;
    const enough = Promise.withResolvers<void>();
    const timer = setTimeout(() => enough.reject(new Error(`stuck after ${this.#said}`)), DEADLINE_MS);
    this.#onLine = () => isEnough(this.#said) && enough.resolve();
    const early = this.ended.then(() => Promise.reject(new Error(`ended early, after ${this.#said}`)));
    await Promise.race([enough.promise, early]).finally(() => clearTimeout(timer));
    this.#onLine = () => {};
  }

  async go(): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    writer.releaseLock();
  }

  async close(): Promise<void> {
    await this.#child.stdin.close();
  }

  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
  }

  async #read(note: (line: string) => void): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream() as never)) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      lines.forEach(note);
      this.#said.push(...lines);
      this.#onLine();
    }
    await this.#child.status;
    await this.#child.stdin.abort().catch(() => {}); // nobody is there to read what was not written
  }
}
