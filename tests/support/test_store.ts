// Runs in: tests.
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { createLogger } from "../../src/shared/logger.ts";
import { type Message, type Variant, VARIANTS } from "../../src/shared/message.ts";
import { compressedLines, messageDays, plainLines } from "../../src/shared/message_files.ts";
import type { LogEntry, OutgoingMessage } from "../../src/shared/protocol.ts";
import { type Database, databasePath, openDatabase } from "../../src/store/database.ts";
import { openStore } from "../../src/store/open_store.ts";
import type { Settlement } from "../../src/store/backlog.ts";
import { Store, type StoreOptions } from "../../src/store/store.ts";

/** A moment at noon, so that small steps do not change the day. */
export const NOON_MS = Date.UTC(2026, 5, 15, 12);

/** A real store in this thread, on real files, under an injected clock. */
export class TestStore {
  readonly directory: string;
  readonly log: LogEntry[] = [];
  readonly failures: unknown[] = [];
  nowMs = NOON_MS;
  monotonicMs = 1000;
  store!: Store;
  #database: Database | undefined;
  #sequence = 0;
  #options: Partial<StoreOptions>;
  #generation = 0;
  #isChecked = false;

  constructor(options: Partial<StoreOptions> = {}) {
    this.directory = options.directory ?? Deno.makeTempDirSync({ prefix: "ivy_store_" });
    this.#options = options;
  }

  get messagesFolder(): string {
    return join(this.directory, "messages");
  }

  options(changes: Partial<StoreOptions> = {}): StoreOptions {
    return {
      directory: this.directory,
      runId: "test run",
      settings: {
        retention_days: null,
        log_retention_days: null,
        commit_interval_ms: 0,
        min_free_mb: 0,
        max_outbox_mb: 1000,
      },
      backends: [],
      boot: { id: "boot a", uptimeMs: 0 },
      clockTrusted: true,
      isProven: true,
      logger: createLogger("store", (entry) => this.log.push(entry)),
      now: () => this.nowMs,
      monotonic: () => this.monotonicMs,
      onStored: () => {},
      onPoints: () => {},
      onAvailable: () => {},
      onFailure: (error) => this.failures.push(error),
      ...this.#options,
      ...changes,
    };
  }

  /** Opens with the same code as the worker; `changes` hold from now on. */
  async open(changes: Partial<StoreOptions> = {}): Promise<this> {
    this.#options = { ...this.#options, ...changes };
    this.#generation++;
    this.#sequence = 0;
    this.store = await openStore(this.options());
    this.assertSums();
    return this;
  }

  /** Opens so that {@link crash} is possible; `harm` may spoil the database before the store gets it. */
  openFragile(changes: Partial<StoreOptions> = {}, harm: (database: Database) => void = () => {}): this {
    this.#options = { ...this.#options, ...changes };
    this.#generation++;
    this.#sequence = 0;
    this.#database = openDatabase(databasePath(this.directory));
    harm(this.#database);
    this.store = new Store(this.#database, this.options());
    this.assertSums();
    return this;
  }

  /** What `kill -9` leaves: nothing that is not on disk already happens any more. */
  crash(): void {
    this.assertSums();
    this.store.abandon();
    this.#database!.close();
  }

  /** Stores messages of the given texts; resolves when they are durable. @throws when they are refused. */
  send(variant: Variant, ...texts: string[]): Promise<void> {
    return this.sendBody(variant, ...texts.map((text) => bodyOf(variant, text)));
  }

  /** The same with bodies as JSON texts. */
  sendBody(variant: Variant, ...bodies: string[]): Promise<void> {
    const messages = bodies.map((body): OutgoingMessage => ({
      sequence: ++this.#sequence,
      timeMs: this.nowMs,
      variant,
      body,
    }));
    const sent = new Promise<void>((resolve, reject) =>
      this.store.append({
        producer: { name: "test", generation: this.#generation },
        messages,
        answer: (answer) => answer.type === "appended" ? resolve() : reject(new Error(answer.reason)),
      })
    );
    return sent.finally(() => this.#checkSums());
  }

  acknowledge(backend: string, ids: number[]): Promise<void> {
    return this.#settle(backend, { type: "acknowledge", ids });
  }

  giveBack(backend: string, ids: number[]): Promise<void> {
    return this.#settle(backend, { type: "give_back", ids });
  }

  park(backend: string, id: number, reason: string): Promise<void> {
    return this.#settle(backend, { type: "park", id, reason });
  }

  #settle(backend: string, settlement: Settlement): Promise<void> {
    const settled = new Promise<void>((resolve) => this.store.settle(backend, settlement, () => resolve()));
    return settled.finally(() => this.#checkSums());
  }

  /** Every line as it stands in the files, day by day; the compressed part of a day first. */
  async lines(): Promise<string[]> {
    const lines: string[] = [];
    for (const day of messageDays(this.messagesFolder)) {
      const path = join(this.messagesFolder, `${day}.jsonl`);
      for await (const line of compressedLines(`${path}.gz`)) lines.push(line);
      for await (const line of plainLines(path)) lines.push(line);
    }
    return lines;
  }

  async messages(): Promise<Message[]> {
    return (await this.lines()).map((line) => JSON.parse(line));
  }

  /**
   * Checks that for every backend accepted = acknowledged + waiting + parked + dropped, that none is negative, and that
   * as many messages wait and are parked as are counted.
   */
  assertSums(): void {
    using database = new DatabaseSync(databasePath(this.directory), { readOnly: true });
    const count = (select: string, ...values: (string | number)[]) =>
      Number(database.prepare(`SELECT count(*) AS n FROM ${select}`).get(...values)!["n"]);
    for (const [backend, byVariant] of Object.entries(this.store.request({ kind: "statistics" }).backends)) {
      for (const variant of VARIANTS) {
        const { accepted, acknowledged, waiting, parked, dropped } = byVariant[variant];
        const own = "WHERE backend = ? AND variant = ?";
        const doneId = "(SELECT done_id FROM places WHERE backend = ? AND variant = ?)";
        const rows = {
          waiting: count(`messages WHERE variant = ? AND id > ${doneId}`, variant, backend, variant) +
            count(`requeued ${own}`, backend, variant),
          parked: count(`parked ${own}`, backend, variant),
        };
        if (
          accepted === acknowledged + waiting + parked + dropped && waiting === rows.waiting &&
          parked === rows.parked && [acknowledged, waiting, parked, dropped].every((each) => each >= 0)
        ) continue;
        const counted = JSON.stringify(byVariant[variant]);
        throw new Error(
          `${backend} ${variant}: the sums are wrong: ${counted}, there are ${JSON.stringify(rows)}`,
        );
      }
    }
  }

  /** The same after each step; once for all that one commit has answered. */
  #checkSums(): void {
    if (this.#isChecked || this.failures.length > 0) return;
    this.#isChecked = true;
    setImmediate(() => this.#isChecked = false);
    this.assertSums();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let isOpen = true;
    try {
      this.store.request({ kind: "statistics" });
    } catch {
      isOpen = false; // crashed or closed on purpose
    }
    if (isOpen) {
      this.assertSums();
      await this.store.close();
    }
    Deno.removeSync(this.directory, { recursive: true });
  }
}

export function bodyOf(variant: Variant, text: string): string {
  switch (variant) {
    case "data":
      return JSON.stringify({ variant, data: { text } });
    case "log":
      return JSON.stringify({ variant, level: "INFO", subject: text, body: "" });
    case "config":
      return JSON.stringify({ variant, status: "received", config: { text } });
    default:
      return variant satisfies never;
  }
}
