// Runs in: tests.
import { assertEquals } from "@std/assert";
import { MessageSender } from "../../src/shared/message_sender.ts";
import type { ProducerToStore, StoreToProducer } from "../../src/shared/protocol.ts";
import { type Database, databasePath, openDatabase } from "../../src/store/database.ts";
import { Store } from "../../src/store/store.ts";
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
  openDeaf(): { hasStored(count: number): Promise<void> } {
    this.open(undefined, false);
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
