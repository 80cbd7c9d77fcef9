// Runs in: tests.
import { until } from "./until.ts";

export interface StreamEvent {
  event: string;
  id: string | null;
  // deno-lint-ignore no-explicit-any -- each event has a shape of its own
  data: any;
}

/** A reader of server-sent events, as a browser is one. */
export class EventStream implements AsyncDisposable {
  readonly events: StreamEvent[] = [];
  comments = 0;
  isOver = false;
  #ending = new AbortController();
  #reading: Promise<void>;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#reading = this.#read(url, headers).catch(() => {}).finally(() => this.isOver = true);
  }

  of(event: string): StreamEvent[] {
    return this.events.filter((found) => found.event === event);
  }

  /** Waits until there are so many of a kind. @returns the last one's data */
  // deno-lint-ignore no-explicit-any -- each event has a shape of its own
  async until(event: string, count = 1, limitMs?: number): Promise<any> {
    const seen = () => this.events.map(({ event }) => event).join(" ");
    await until(() => `${count} ${event}, only ${seen()}`, () => this.of(event).length >= count, limitMs);
    return this.of(event).at(-1)!.data;
  }

  async #read(url: string, headers: Record<string, string>): Promise<void> {
    const response = await fetch(url, { headers, signal: this.#ending.signal });
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line): [string, string] => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trimStart()];
      }),
    );
    if (fields.has("")) this.comments++;
    const event = fields.get("event");
    if (event === undefined) return;
    this.events.push({ event, id: fields.get("id") ?? null, data: JSON.parse(fields.get("data")!) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#reading;
  }
}
