// Runs in: backend worker.
import { Readable } from "node:stream";
import type { IClientOptions } from "./mqtt_client.ts";

type Store = NonNullable<IClientOptions["outgoingStore"]>;

/**
 * Stands in for the copy that mqtt.js keeps of every unacknowledged publish, to send it again by itself: the outbox has
 * it, and a new connection starts from there.
 */
export function createOutgoingStore(): Store {
  const store: Store = {
    put(_packet, done) {
      done();
      return store;
    },
    del(packet, done) {
      done(undefined, packet as never); // who published finds its packet id in it
      return store;
    },
    get(_packet, done) {
      done(new Error("nothing is kept"));
      return store;
    },
    createStream: () => Readable.from([]) as unknown as ReturnType<Store["createStream"]>,
    close: (done) => done(),
  };
  return store;
}
