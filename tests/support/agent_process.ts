// Runs in: tests.
import { withLimit } from "../../src/shared/time.ts";
import { GrowingText } from "./growing_text.ts";
import { environmentOf } from "./environment.ts";
import type { Program } from "./program.ts";

/** Longer than an agent may take to end by itself, in milliseconds. */
const END_LIMIT_MS = 60_000;

/** An agent in the foreground (`ivy run`), as a process of its own. */
export class AgentProcess implements AsyncDisposable {
  /** Log lines of every level, and notes for the person. */
  readonly log: GrowingText;
  /** Facts, for example the messages that `--messages` shows. */
  readonly output: GrowingText;
  #child: Deno.ChildProcess;

  constructor(program: Program, args: string[], env: Record<string, string>, covered: boolean) {
    const [first, ...rest] = program;
    this.#child = new Deno.Command(first, {
      args: [...rest, ...args],
      env: { ...environmentOf({ covered }), ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.log = new GrowingText(this.#child.stderr);
    this.output = new GrowingText(this.#child.stdout, () => this.#explainEnd());
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until every procedure has been started once. */
  async ready(): Promise<this> {
    await this.log.until(/ ready: \d+ procedures/);
    return this;
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, which has to come within `limitMs`. */
  async ended(limitMs = END_LIMIT_MS): Promise<{ code: number; signal: Deno.Signal | null }> {
    const all = Promise.all([this.#child.status, this.log.ended, this.output.ended]);
    const ended = await withLimit(all, limitMs, undefined);
    if (ended === undefined) throw new Error(`the agent did not end; it printed:\n${this.log.text}`);
    const [{ code, signal }] = ended;
    return { code, signal };
  }

  /** Asks it to end, and waits. */
  async stop(): Promise<{ code: number; signal: Deno.Signal | null; tookMs: number }> {
    const startMs = performance.now();
    this.signal("SIGTERM");
    return { ...await this.ended(), tookMs: performance.now() - startMs };
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.ended();
  }

  async #explainEnd(): Promise<string> {
    const [{ code, signal }] = await Promise.all([this.#child.status, this.log.ended]);
    return `; the agent ended with ${signal ?? code}, and logged:\n${this.log.text}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
