// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../src/runtime/backend.ts";
import type { MessageBody } from "../../src/shared/message.ts";
import { isClean } from "./bad_texts.ts";
import { createFakeStore, type FakeStore } from "./fake_store.ts";
import { runBackend, type RunningBackend, type RunOptions } from "./run_backend.ts";
import { until } from "./until.ts";

/** One message as it arrived, in one piece with others. */
export interface Arrival {
  /** Which of {@link exampleMessage}'s it is. */
  id: number;
  /** What the server got for it. */
  element: unknown;
  /** Counts the pieces; elements of one piece bear the same number. */
  parcel: number;
  /** The server said that it has it. */
  isAccepted: boolean;
}

/** A server to test a backend with. */
export interface SuiteServer extends AsyncDisposable {
  /** The entry of the configuration that leads here, without name and provider. */
  settings: Record<string, unknown>;
  /** Everything that was sent to it, in order. */
  arrivals(): Arrival[];
  /** Ends every connection and takes no more, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Keeps answers back; when a connection ends they are gone. */
  holdAnswers(isHolding: boolean): void;
  /** Refuses, for what is in it, every piece with a message for which this holds. */
  refuse(isPoison: (id: number) => boolean): void;
  /** From now on everything fails but the messages themselves: configurations, subscriptions, presence; null = it works. */
  failBeside(how: SideFailure | null): void;
  /** The largest number of pieces that were unanswered at once. */
  mostInFlight(): number;
  /** Hands out a configuration, now and to whoever comes back. */
  configure(revision: number, config: Record<string, unknown>): Promise<void>;
}

/** It is refused, not answered at all, or the server hangs up over it. */
export type SideFailure = "refuse" | "be silent" | "hang up";

export interface SuiteOptions {
  backend: Backend;
  startServer(limits?: { window?: number; maxBytes?: number }): Promise<SuiteServer>;
  /** What the server is to get for each variant of message `id`, measured at `timestamp` (Unix seconds). */
  expected(id: number, timestamp: number): Record<MessageBody["variant"], unknown>;
  /** A message that this server can never take, and the words that say why. */
  unsendable?: { body: MessageBody; reason: string };
  /** The largest window: by default the one that `startServer` was asked for. */
  window?: number;
  ignore?: boolean;
}

const CONFIG = { general: { config_revision: 5, software_version: "1.2.3" }, backends: [] };

/** Message `id` as a procedure, a logger or the updater would send it; the number is found again in what arrives. */
export function exampleMessage(variant: MessageBody["variant"], id: number): MessageBody {
  switch (variant) {
    case "data":
      return { variant, data: { n: id, reading: id / 8, valve_open: true } };
    case "log":
      return { variant, level: "WARNING", subject: `log ${id}`, body: "" };
    case "config":
      return { variant, status: "accepted", config: { general: { config_revision: id } } };
  }
}

function revisionOf(id: number, title: string) {
  return { general: { config_revision: id }, metadata: { title } };
}

/** The behaviour that every backend must have, against its real server. */
export function testBackend(name: string, options: SuiteOptions): void {
  const test = (what: string, run: (bench: Bench) => Promise<void>) =>
    Deno.test({
      name: `${name}: ${what}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using bench = new Bench(options);
        await run(bench);
        assertEquals(bench.store.violations, []);
      },
    });

  test("every variant arrives, in order, with the right payload", async (bench) => {
    const server = await bench.start();
    const variants = (["data", "log", "config"] as const).flatMap((variant) =>
      Array.from({ length: 20 }, () => variant)
    );
    const ids = bench.store.add(
      variants.map((variant, index) => exampleMessage(variant, index + 1)),
      1_763_806_800.5,
    );
    await bench.acknowledged(ids);
    const arrived = server.arrivals();
    for (const [index, variant] of variants.entries()) {
      const own = arrived.filter(({ id }) => id === index + 1);
      assertEquals(own.map(({ element }) => element), [
        options.expected(index + 1, 1_763_806_800.5)[variant],
      ]);
    }
    for (const variant of ["data", "log", "config"]) {
      const own = arrived.map(({ id }) => id).filter((id) => variants[id - 1] === variant);
      assertEquals(own, own.toSorted((a, b) => a - b));
    }
  });

  test("what was not acknowledged is sent again after a reconnect, what was is not", async (bench) => {
    const server = await bench.start();
    await bench.acknowledged(bench.data(50));
    server.holdAnswers(true);
    const later = bench.data(200);
    await until("something is unanswered", () => server.arrivals().some(({ isAccepted }) => !isAccepted));
    await server.down();
    await until("it is noticed", () => !bench.backend.isConnected);
    await until("all leases are back", () => bench.store.leased.length === 0);
    server.holdAnswers(false);
    await server.up();
    await bench.acknowledged(later);
    const counts = Map.groupBy(server.arrivals(), ({ id }) => id);
    for (let id = 1; id <= 50; id++) assertEquals(counts.get(id)?.length, 1, `message ${id}`);
    for (const id of later) assert(counts.get(id)!.some(({ isAccepted }) => isAccepted), `message ${id}`);
    const repeated = [...counts.values()].filter(({ length }) => length > 1).map(([first]) => first!.parcel);
    assert(new Set(repeated).size <= server.mostInFlight(), "no more is sent twice than was in flight");
    assertEquals(inOrderButForRepeats(server.arrivals()), []);
  });

  test("the window is respected", async (bench) => {
    const server = await bench.start({ window: 4 });
    await bench.acknowledged(bench.data(2000));
    const most = server.mostInFlight();
    assert(most <= (options.window ?? 4), `${most} were in flight`);
  });

  test("at its end it sends what waits, then ends", async (bench) => {
    await bench.start();
    const ids = bench.data(3000);
    await bench.backend.stop();
    assertEquals(bench.store.acknowledged.toSorted((a, b) => a - b), ids);
  });

  test("at its end it waits no longer than allowed; what is left stays in the outbox", async (bench) => {
    const server = await bench.start({}, { max_drain_seconds: 1 });
    server.holdAnswers(true);
    const ids = bench.data(100);
    await until("something is unanswered", () => server.arrivals().length > 0);
    const startMs = performance.now();
    await bench.backend.stop();
    const tookMs = performance.now() - startMs;
    assert(tookMs > 900 && tookMs < 6000, `${tookMs} ms`);
    await until("all leases are back", () => bench.store.leased.length === 0);
    assertEquals(bench.store.waiting, ids);
  });

  test("without a connection it ends at once", async (bench) => {
    const server = await bench.prepare();
    await server.down();
    bench.run({
      timing: { firstMs: 60_000, limitMs: 60_000, stableMs: 60_000, burst: 12, burstMs: 600_000 },
    });
    const ids = bench.data(10);
    await until("an attempt has failed", () => bench.backend.connections.length > 0);
    const startMs = performance.now();
    await bench.backend.stop();
    assert(performance.now() - startMs < 1000);
    assertEquals(bench.store.waiting, ids);
  });

  for (const position of [0, 3, 6]) {
    test(`a poison message at place ${position + 1} of 7 parks alone, and the next goes on within 1 s`, async (bench) => {
      const server = await bench.prepare();
      server.refuse((id) => id === position + 1);
      const ids = bench.data(7);
      bench.run();
      await until("it is parked", () => bench.store.parked.length > 0);
      const parkedMs = performance.now();
      const next = bench.data(1);
      await bench.acknowledged([...ids.filter((id) => id !== position + 1), ...next]);
      assert(performance.now() - parkedMs < 1000);
      assertEquals(bench.store.parked.map(({ id }) => id), [position + 1]);
      assertEquals(bench.warnings("was parked").length, 1);
    });
  }

  test("a message of 1 MB, more than the server takes, parks alone", async (bench) => {
    await bench.start({ maxBytes: 100_000 });
    const large: MessageBody = {
      variant: "log",
      level: "INFO",
      subject: "large",
      body: "x".repeat(1_000_000),
    };
    const ids = bench.store.add([exampleMessage("log", 1), large, exampleMessage("log", 3)]);
    const startMs = performance.now();
    await until(
      "both others are there",
      () => bench.store.acknowledged.length + bench.store.parked.length === 3,
    );
    assert(performance.now() - startMs < 1000);
    assertEquals(bench.backend.connections.length, 1, "the connection was lost over it");
    if (bench.store.parked.length === 0) return; // some servers get it cut to what they take
    assertEquals(bench.store.parked.map(({ id }) => id), [ids[1]]);
  });

  if (options.unsendable !== undefined) {
    const { body, reason } = options.unsendable;
    test("what it can never send is parked alone, with one line for all of its kind", async (bench) => {
      await bench.start();
      const ids = bench.store.add([exampleMessage("data", 1), body, exampleMessage("data", 3), body]);
      await bench.acknowledged([ids[0]!, ids[2]!]);
      await until("both are parked", () => bench.store.parked.length === 2);
      assertEquals(bench.store.parked.map((parked) => parked.reason), [reason, reason]);
      assertEquals(bench.warnings("was parked").length, 1);
    });
  }

  test("texts that no server takes (NUL, half a surrogate pair) arrive made good, and cost no neighbour", async (bench) => {
    const server = await bench.start();
    const bad = "a\0b\uD83Dc\uDE00";
    const bodies = Array.from({ length: 30 }, (_, index): MessageBody => {
      const number = index + 1;
      if (index % 3 === 0) {
        return { variant: "log", level: "ERROR", subject: `log ${number}${bad}`, body: bad };
      }
      if (index % 3 === 1) return { variant: "data", data: { n: number, reading: 1, text: bad } };
      return { variant: "config", status: "rejected", reason: bad, config: revisionOf(number, bad) };
    });
    await bench.acknowledged(bench.store.add(bodies)); // as version 0.1 stored them
    assertEquals(bench.store.parked, []);
    const arrived = server.arrivals();
    assertEquals(arrived.map(({ id }) => id).sort((a, b) => a - b), bodies.map((_, index) => index + 1));
    for (const { element } of arrived) assert(isClean(JSON.stringify(element)), JSON.stringify(element));
  });

  test("a store that is replaced gets what is in flight acknowledged, without sending it again", async (bench) => {
    const server = await bench.start();
    bench.store.isDeaf = true;
    const ids = bench.data(2000);
    await until("some are there", () => server.arrivals().filter(({ isAccepted }) => isAccepted).length > 50);
    bench.store.isDeaf = false;
    bench.backend.replaceStore();
    await until("all are acknowledged", () => ids.every((id) => bench.store.acknowledged.includes(id)));
    assertEquals(server.arrivals().map(({ id }) => id).toSorted((a, b) => a - b), ids);
    bench.store.violations.length = 0; // what was in flight is not leased from the new store at first
  });

  test("a configuration is passed on, also after the server was away", async (bench) => {
    const server = await bench.start();
    await server.configure(5, CONFIG);
    await until("it is there", () => bench.backend.configurations.length > 0);
    assertEquals(bench.backend.configurations[0], { revision: 5, config: CONFIG });
    await server.down();
    bench.data(1); // where requests are all, a server that is gone is noticed by the next one
    await until("it is noticed", () => !bench.backend.isConnected);
    await server.up();
    await bench.backend.connected();
    const changed = { ...CONFIG, general: { ...CONFIG.general, config_revision: 6 } };
    await server.configure(6, changed);
    await until(
      "the next is there",
      () => bench.backend.configurations.some(({ revision }) => revision === 6),
    );
  });

  for (const how of ["refuse", "be silent", "hang up"] as const) {
    test(`all but the messages fails (${how}): they go all the same, once each, and the log says what fails`, async (bench) => {
      const server = await bench.prepare();
      server.failBeside(how);
      bench.run();
      const startMs = performance.now();
      const ids = bench.data(50);
      await bench.acknowledged(ids);
      assert(performance.now() - startMs < 20_000, `${performance.now() - startMs} ms`);
      const accepted = server.arrivals().filter(({ isAccepted }) => isAccepted).map(({ id }) => id);
      assertEquals(accepted.toSorted((a, b) => a - b), ids, "nothing is sent again");
      assertEquals(bench.backend.configurations, []);
      if (how !== "hang up") {
        assertEquals(bench.backend.connections.length, 1, "no connection is lost over it");
      }
      if (how === "refuse") await until("the log says so", () => bench.warnings("does not work").length > 0);
      const lines = bench.warnings("does not work");
      assertEquals(new Set(lines).size, lines.length, "one line for each reason");
      server.failBeside(null);
      await server.configure(5, CONFIG);
      await until("a configuration comes when it works again", () => bench.backend.configurations.length > 0);
    });
  }

  test("nothing waits: it asks the store for nothing until there is something", async (bench) => {
    await bench.start();
    await bench.acknowledged(bench.data(1));
    const { leases } = bench.store;
    await new Promise((resolve) => setTimeout(resolve, 300)); // the absence of something cannot be waited for
    assertEquals(bench.store.leases, leases);
  });
}

/** A backend, its server and its store, for one test. */
class Bench implements AsyncDisposable {
  readonly store: FakeStore = createFakeStore();
  #options: SuiteOptions;
  #server: SuiteServer | undefined;
  #backend: RunningBackend | undefined;
  #settings: Record<string, unknown> = {};

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  get backend(): RunningBackend {
    return this.#backend!;
  }

  async prepare(
    limits: { window?: number; maxBytes?: number } = {},
    settings: Record<string, unknown> = {},
  ): Promise<SuiteServer> {
    this.#server = await this.#options.startServer(limits);
    this.#settings = { ...this.#server.settings, ...settings };
    return this.#server;
  }

  run(more: Partial<RunOptions> = {}): void {
    this.#backend = runBackend(this.#options.backend, {
      store: this.store,
      settings: this.#settings,
      ...more,
    });
  }

  async start(...options: Parameters<Bench["prepare"]>): Promise<SuiteServer> {
    const server = await this.prepare(...options);
    this.run();
    await this.backend.connected();
    return server;
  }

  /** Stores data messages whose content is their id. */
  data(count: number): number[] {
    const from = this.store.add([]).length + this.#lastId() + 1;
    return this.store.add(Array.from({ length: count }, (_, index) => exampleMessage("data", from + index)));
  }

  async acknowledged(ids: number[]): Promise<void> {
    const done = () => new Set(this.store.acknowledged);
    await until(
      () => `all are acknowledged: ${ids.filter((id) => !done().has(id)).slice(0, 10)} are not`,
      () => ids.every((id) => done().has(id)),
      60_000,
    );
  }

  warnings(text: string): string[] {
    return this.backend.log.filter(({ level, subject }) => level === "WARNING" && subject.includes(text))
      .map(({ subject }) => subject);
  }

  #lastId(): number {
    return Math.max(
      0,
      ...this.store.waiting,
      ...this.store.acknowledged,
      ...this.store.parked.map(({ id }) => id),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend?.[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

/** Ids that come after a larger one and had not come before. */
export function inOrderButForRepeats(arrivals: { id: number }[]): number[] {
  const seen = new Set<number>();
  let largest = 0;
  return arrivals.filter(({ id }) => {
    const isNew = !seen.has(id);
    seen.add(id);
    const isLate = isNew && id < largest;
    largest = Math.max(largest, id);
    return isLate;
  }).map(({ id }) => id);
}
