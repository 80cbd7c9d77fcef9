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
  #conn: Deno.TcpConn | undefined;
  #isEnding = false;
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

  /** Not by `fetch`: of many that are aborted in the same moment, Deno 2.9 leaves some open for ever. */
  async #read(address: string, headers: Record<string, string>): Promise<void> {
    const url = new URL(address);
    this.#conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    if (this.#isEnding) return this.#conn.close();
    const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) =>
      `${name}: ${value}\r\n`
    );
    const head = `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
    await this.#conn.write(new TextEncoder().encode(head));
    let rest = "";
    let hasHead = false;
    for await (const text of this.#conn.readable.pipeThrough(new TextDecoderStream())) {
      rest += text;
      if (!hasHead) {
        const [before, ...after] = rest.split("\r\n\r\n");
        if (after.length === 0) continue;
        if (!before!.startsWith("HTTP/1.1 200 ")) throw new Error(rest);
        hasHead = true;
        rest = after.join("\r\n\r\n");
      }
      const blocks = rest.split("\n\n");
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
    this.#isEnding = true;
    try {
      this.#conn?.close();
    } catch {
      // it is over already
    }
    await this.#reading;
  }
}
