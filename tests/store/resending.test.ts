// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { MessageSender } from "../../src/shared/message_sender.ts";
import { DatabaseSync } from "node:sqlite";
import type { Variant } from "../../src/shared/message.ts";
import type { OutgoingMessage, ProducerToStore, StoreToProducer } from "../../src/shared/protocol.ts";
import { InvalidMessageError } from "../../src/shared/shape.ts";
import { decodeFromProducer } from "../../src/store/decoders.ts";
import { type Database, databasePath, openDatabase } from "../../src/store/database.ts";
import { Store } from "../../src/store/store.ts";
import { failWhileFull } from "../support/full_database.ts";
import { findFaults } from "../support/store_oracle.ts";
import { bodyOf, keyOf } from "../support/stored_days.ts";
import { TestStore } from "../support/test_store.ts";

Deno.test("a store that ends between commit and answer: what is sent again is stored once", async () => {
  await using bench = new Bench();
  const first = bench.openDeaf();
  const promises = bench.send("a", "b", "c");
  await first.hasStored(3);
  bench.crash();
  bench.open();
  await Promise.all([...promises, ...bench.send("d")]);
  await bench.assertStored(["a", "b", "c", "d"]);
});

Deno.test("a store that fails stores nothing more: what is sent again is not overtaken", async () => {
  await using bench = new Bench();
  const fault = failingOnce(/^COMMIT/, "disk I/O error");
  bench.open(fault.harm);
  await bench.turn();
  fault.arm();
  const promises = bench.send("a");
  await bench.turn();
  promises.push(...bench.send("b")); // on its way while main does not know of the failure yet
  await bench.failure;
  await bench.turn();
  bench.crash();
  bench.open();
  await Promise.all(promises);
  await bench.assertStored(["a", "b"]);
});

Deno.test("what a full disk refused, and what was stored behind it, is sent again after both answers were lost: each is stored once", async () => {
  await using bench = new Bench();
  const disk = { isFull: false };
  const store = bench.openDeaf((database) => failWhileFull(database, disk));
  const promises = bench.send("a");
  await store.hasStored(1);
  disk.isFull = true;
  promises.push(...bench.send("refused"));
  await bench.turn();
  disk.isFull = false;
  promises.push(...bench.send("behind it"));
  await store.hasStored(2);
  bench.crash();
  bench.open();
  await Promise.all(promises);
  await bench.assertStored(["a", "behind it", "refused"]);
});

Deno.test("a log line that is sent again after data of the same turn is stored once", async () => {
  for (const variants of [["log", "data"], ["data", "log"]] as const) {
    await using bench = new Bench();
    const store = bench.openDeaf();
    const promises = bench.sendEach(variants);
    await store.hasStored(2);
    bench.crash();
    bench.open();
    await Promise.all(promises);
    await bench.assertStored([...variants]);
  }
});

Deno.test("a producer's second life stores its messages, after a restart of the agent and a crash of the store", async () => {
  await using test = new TestStore().openFragile({ runId: "first run" });
  const send = sendAs(test);
  assertEquals(await send(2, [1, 2, 3]), "appended 1,2,3");
  test.crash();
  test.openFragile({ runId: "second run" });
  assertEquals(await send(1, [1, 2]), "appended 1,2");
  test.crash();
  test.openFragile();
  assertEquals(await send(2, [1, 2]), "appended 1,2");
  assertEquals(await send(2, [1, 2]), "appended 1,2", "sent again");
  assertEquals((await test.messages()).length, 7);
});

const MALFORMED: { name: string; sequences: unknown[] }[] = [
  { name: "a sequence that is no whole number", sequences: [1.5] },
  { name: "a sequence that is no number", sequences: ["2"] },
  { name: "a sequence of 0", sequences: [0] },
  { name: "the same sequence twice", sequences: [7, 7] },
  { name: "sequences that fall", sequences: [8, 7] },
];

for (const { name, sequences } of MALFORMED) {
  Deno.test(`${name} is nothing that a producer may send`, () => {
    const messages = sequences.map((sequence) => ({ ...message(1), sequence }));
    assertThrows(() => decodeFromProducer({ type: "append", messages }, false), InvalidMessageError);
  });
}

Deno.test("what is known of a producer goes when it has ended, so that lives do not add up", async () => {
  await using test = new TestStore().openFragile();
  const send = sendAs(test);
  for (let generation = 1; generation <= 50; generation++) {
    await send(generation, [1, 3]); // with a gap, which is written down
    test.store.forget({ name: "sensor", generation });
  }
  await test.send("data", "the commit that forgets the last one");
  await test.store.settled();
  await test.send("data", "the commit that saves the counters");
  using database = new DatabaseSync(databasePath(test.directory), { readOnly: true });
  const known = database.prepare("SELECT key FROM meta WHERE key LIKE 'sequence %'").all();
  assertEquals(known.map(({ key }) => key), ["sequence test 1"]);
});

function message(sequence: number): OutgoingMessage {
  return { sequence, timeMs: 1, variant: "data", body: JSON.stringify(bodyOf(`m${sequence}`)) };
}

/** Sends as a certain life of a producer. @returns what is answered. */
function sendAs(test: TestStore) {
  return (generation: number, sequences: number[]) =>
    new Promise<string>((resolve) =>
      test.store.append({
        producer: { name: "sensor", generation },
        messages: sequences.map(message),
        answer: ({ type, sequences }) => resolve(`${type} ${sequences}`),
      })
    );
}

/** One sender that outlives its stores, all of the same folder. */
class Bench implements AsyncDisposable {
  failure: Promise<unknown>;
  #test: TestStore;
  #sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  #store: Store | undefined;
  #database: Database | undefined;
  #ports: MessagePort[] = [];
  #stored = 0;
  #onStored = () => {};

  constructor() {
    const failed = Promise.withResolvers<unknown>();
    this.failure = failed.promise;
    this.#test = new TestStore({
      onFailure: failed.resolve,
      onStored: (rows) => {
        this.#stored += rows.length;
        this.#onStored();
      },
    });
  }

  /** @param harm what to do to the database before the store gets it. */
  open(harm: (database: Database) => void = () => {}, hears = true): void {
    this.#database = openDatabase(databasePath(this.#test.directory));
    harm(this.#database);
    const store = new Store(this.#database, this.#test.options());
    this.#store = store;
    const { port1, port2 } = new MessageChannel();
    this.#ports.push(port1, port2);
    port1.onmessage = ({ data: { messages } }: MessageEvent<ProducerToStore>) => {
      const answer = (reply: StoreToProducer) => hears && port1.postMessage(reply);
      store.append({ producer: { name: "sender", generation: 1 }, messages, answer });
    };
    this.#sender.attach(port2);
  }

  /** A store whose answers do not reach anybody. */
  openDeaf(harm?: (database: Database) => void): { hasStored(count: number): Promise<void> } {
    this.open(harm, false);
    return {
      hasStored: (count) =>
        new Promise((resolve) => {
          this.#onStored = () => this.#stored >= count && resolve();
          this.#onStored();
        }),
    };
  }

  send(...keys: string[]): Promise<void>[] {
    return keys.map((key) => this.#sender.send(bodyOf(key)));
  }

  /** One message of each variant, named for it, in one turn. */
  sendEach(variants: readonly Variant[]): Promise<void>[] {
    return variants.map((variant) => this.#sender.send(bodyOf(variant, variant)));
  }

  /** Lets everything happen that is due. */
  async turn(): Promise<void> {
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
  }

  crash(): void {
    for (const port of this.#ports) port.close();
    this.#store?.abandon();
    this.#database?.close();
  }

  async assertStored(keys: string[]): Promise<void> {
    await this.#store?.close();
    const stored = (await this.#test.messages()).map(({ message_body: body }) => keyOf(body));
    assertEquals(stored, keys);
    assertEquals(findFaults(this.#test.directory, { acknowledged: keys }), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const port of this.#ports) port.close();
    await Deno.remove(this.#test.directory, { recursive: true });
  }
}

/** Once armed, lets the first statement that matches fail, before it does anything. */
function failingOnce(pattern: RegExp, message: string) {
  let isArmed = false;
  const harm = (database: Database) => {
    const exec = database.exec.bind(database);
    database.exec = (sql: string) => {
      if (!isArmed || !pattern.test(sql)) return exec(sql);
      isArmed = false;
      throw new Error(message);
    };
  };
  return { harm, arm: () => isArmed = true };
}
