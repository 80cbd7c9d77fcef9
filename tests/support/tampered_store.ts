// Runs in: tests.
import { fromFileUrl, join } from "@std/path";
import { GrowingText } from "./growing_text.ts";
import { readDays } from "./stored_days.ts";
import { findFaults, type Promises } from "./store_oracle.ts";

const PROGRAM = fromFileUrl(new URL("./tamper_program.ts", import.meta.url));

/** A folder whose store runs in a process of its own, and to whose files a test does what it likes. */
export class TamperedStore implements AsyncDisposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "ivy-tampered-" }));
  readonly directory = join(this.folder, "data");
  readonly messages = join(this.directory, "messages");
  /** What was said to be safe. */
  readonly acknowledged = new Set<string>();
  /** Lines of the log, `LEVEL SUBJECT`. */
  readonly log: string[] = [];
  readonly #backends: string[];
  #run: Run | undefined;
  #runs = 0;

  constructor(backends: string[] = []) {
    this.#backends = backends;
    Deno.mkdirSync(this.directory);
  }

  /** Today's file; a test that runs over midnight UTC sees another. */
  get today(): string {
    return join(this.messages, `${new Date().toISOString().slice(0, 10)}.jsonl`);
  }

  start(): void {
    this.#run = new Run([this.directory, this.#backends.join(","), `r${++this.#runs}`]);
  }

  /** Stores messages. @returns when all are acknowledged. */
  async send(count: number): Promise<void> {
    await this.#run!.perform(`send ${count}`);
  }

  /** Resolves when the store says that nothing is unsynced. */
  async synced(): Promise<void> {
    await this.#run!.perform("synced");
  }

  /** Resolves when the store has noticed what was done, and runs. */
  async settle(): Promise<void> {
    await this.#run!.perform("noticed");
  }

  /** Ends the process as a power cut would. */
  async kill(): Promise<void> {
    await this.#run!.end("SIGKILL");
    this.#note();
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    await this.#run!.perform("close");
    await this.#run!.end("SIGTERM");
    this.#note();
  }

  /** What is broken, from the files alone. */
  faults(promises: Omit<Promises, "acknowledged"> & { lost?: string[] } = {}): string[] {
    const lost = new Set(promises.lost);
    const acknowledged = [...this.acknowledged].filter((key) => !lost.has(key));
    return findFaults(this.directory, { ...promises, acknowledged });
  }

  /** Warnings that say what somebody has done to a file. */
  get noticed(): string[] {
    return this.log.filter((line) => / while in use/.test(line));
  }

  #note(): void {
    for (const line of this.#run!.output.text.split("\n")) {
      if (line.startsWith("a ")) this.acknowledged.add(line.slice(2));
      if (line.startsWith("log ")) this.log.push(line.slice(4));
    }
    this.#run = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run?.end("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The keys of the messages that a folder of daily files holds now. */
export function keysIn(folder: string): string[] {
  return readDays(folder).lines.map(({ message: { message_body: body } }) =>
    String(body.variant === "data" ? body.data["key"] : undefined)
  );
}

/** One life of the program. */
class Run {
  readonly output: GrowingText;
  #child: Deno.ChildProcess;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #done = 0;

  constructor(args: string[]) {
    const options = ["run", "--quiet", "--no-check", "--allow-all", PROGRAM];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...options, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.output = new GrowingText(this.#child.stdout);
    this.#writer = this.#child.stdin.getWriter();
  }

  async perform(command: string): Promise<void> {
    const expected = ++this.#done;
    await this.#writer.write(new TextEncoder().encode(`${command}\n`));
    await this.output.untilTrue(
      `"${command}" to be done`,
      (text) => text.split("\n").filter((line) => line === "done").length >= expected || undefined,
      { deadlineMs: 90_000 },
    );
  }

  async end(signal: Deno.Signal): Promise<void> {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await Promise.all([this.#child.status, this.output.ended]);
    await this.#writer.abort().catch(() => {}); // nobody reads it any more
  }
}
