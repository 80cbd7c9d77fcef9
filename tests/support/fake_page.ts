// Runs in: tests.
import type { ConfigJson, StatusJson } from "../../src/agent/page/api.ts";
import type { PageSource } from "../../src/agent/page/page_source.ts";
import { StatusPage, type StatusPageOptions } from "../../src/agent/page/status_page.ts";
import type { Points } from "../../src/agent/store_host.ts";
import type { StatusPageSettings } from "../../src/shared/config.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { LogEntry, SeriesAnswer, SeriesQuery } from "../../src/shared/protocol.ts";
import { fakeStatus } from "./fake_status.ts";

/** A node that exists for the page only. */
export class FakeSource implements PageSource {
  shown: StatusJson = fakeStatus();
  fields: Record<string, string> = { valve: '"open"', "system": '{"load":1}' };
  sequence = 1;
  asked: SeriesQuery[] = [];
  answer: SeriesAnswer | undefined = {
    fromMs: 60_000,
    bucketMs: 60_000,
    keys: { co2: { mean: [400, null], min: [390, null], max: [410, null] } },
    leftOut: 0,
  };
  configuration: ConfigJson = { config: { general: { config_revision: 3 } }, revisions: [] };
  secrets: string[] = [];
  /** How often the status was asked for. */
  looks = 0;
  logWatchers = new Set<(entry: LogEntry) => void>();
  pointWatchers = new Set<(points: Points) => void>();
  #stateWatchers = new Set<() => void>();

  status(): Promise<StatusJson> {
    this.looks++;
    return Promise.resolve(this.shown);
  }

  series(query: SeriesQuery): Promise<SeriesAnswer | undefined> {
    this.asked.push(query);
    return Promise.resolve(this.answer);
  }

  config(): ConfigJson {
    return this.configuration;
  }

  state(): { sequence: number; fields: Record<string, string> } {
    return { sequence: this.sequence, fields: this.fields };
  }

  async stateChangedSince(sequence: number, signal: AbortSignal): Promise<boolean> {
    while (this.sequence <= sequence && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#stateWatchers.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return !signal.aborted;
  }

  changeState(fields: Record<string, string>): void {
    this.fields = fields;
    this.sequence++;
    for (const wake of this.#stateWatchers) wake();
    this.#stateWatchers.clear();
  }

  watchLog(listener: (entry: LogEntry) => void): () => void {
    this.logWatchers.add(listener);
    return () => void this.logWatchers.delete(listener);
  }

  log(entry: Partial<LogEntry> = {}): void {
    const whole = {
      level: "INFO" as const,
      origin: "walk",
      subject: "hello",
      details: "",
      timeMs: Date.now(),
    };
    for (const tell of this.logWatchers) tell({ ...whole, ...entry });
  }

  watchPoints(listener: (points: Points) => void): () => void {
    this.pointWatchers.add(listener);
    return () => void this.pointWatchers.delete(listener);
  }

  redact(text: string): string {
    return this.secrets.reduce((hidden, secret) => hidden.replaceAll(secret, "•••"), text);
  }
}

/** A status page of a fake node on a free port. */
export class FakePage implements AsyncDisposable {
  readonly source = new FakeSource();
  readonly log: LogEntry[] = [];
  readonly page: StatusPage;
  readonly #folder = Deno.makeTempDirSync({ prefix: "ivy-page-" });

  constructor(
    { limits = {}, pace = {}, retryMs = 30_000, ...settings }: Partial<
      StatusPageSettings & Pick<StatusPageOptions, "limits" | "pace" | "retryMs">
    > = {},
  ) {
    this.page = new StatusPage({
      settings: { host: "127.0.0.1", port: 0, token: null, ...settings },
      name: "node-7",
      machine: "pi",
      logFolder: this.#folder,
      source: this.source,
      logger: createLogger("status_page", (entry) => this.log.push(entry)),
      limits,
      pace,
      retryMs,
    });
    this.page.start();
  }

  get logFolder(): string {
    return this.#folder;
  }

  get port(): number {
    return this.page.port!;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
