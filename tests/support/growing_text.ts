// Runs in: tests.

/** Longest wait for a piece of text, in milliseconds, when a test does not say otherwise. */
const DEADLINE_MS = 45_000;

/** What a process prints, as it grows. */
export class GrowingText {
  text = "";
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  #hasEnded = false;
  #looks = new Set<() => void>();
  #explainEnd: () => Promise<string>;

  /** @param explainEnd what to add when a text was never printed, because the stream ended before */
  constructor(
    stream: ReadableStream<Uint8Array>,
    explainEnd: () => Promise<string> = () => Promise.resolve(""),
  ) {
    this.#explainEnd = explainEnd;
    this.ended = this.#read(stream);
  }

  /**
   * Waits until a pattern has been printed.
   *
   * @param options.after offset from which to look
   * @throws {Error} with all that was printed, when the stream ends or the deadline passes before.
   */
  until(pattern: RegExp, options: { deadlineMs?: number; after?: number } = {}): Promise<RegExpExecArray> {
    return this.untilTrue(String(pattern), (text) => pattern.exec(text.slice(options.after ?? 0)), options);
  }

  /** Waits until `look` finds what it looks for in the whole text. */
  untilTrue<T>(
    what: string,
    look: (text: string) => T | null | undefined,
    { deadlineMs = DEADLINE_MS }: { deadlineMs?: number } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#looks.delete(again);
        settle();
      };
      const fail = (why: string) => finish(() => reject(new Error(`${what} ${why}; printed:\n${this.text}`)));
      const again = () => {
        const found = look(this.text);
        if (found !== null && found !== undefined) finish(() => resolve(found));
        else if (this.#hasEnded) void this.#explainEnd().then((why) => fail(`was never printed${why}`));
      };
      const timer = setTimeout(() => fail(`was not printed within ${deadlineMs / 1000} s`), deadlineMs);
      this.#looks.add(again);
      again();
    });
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (
      const chunk of stream.pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>
    ) {
      this.text += chunk;
      this.#lookAgain();
    }
    this.#hasEnded = true;
    this.#lookAgain();
  }

  #lookAgain(): void {
    for (const look of [...this.#looks]) look();
  }
}
