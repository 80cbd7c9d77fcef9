// Runs in: store worker.
import type { MainToStore, Producer, ProducerToStore, StoreToMain } from "../shared/protocol.ts";
import { linkToMain } from "../shared/worker_link.ts";
import { formatLine } from "./daily_files.ts";
import { Store } from "./store.ts";

const link = linkToMain<StoreToMain>("store");
const ports = new Map<string, MessagePort>();
let store: Store | undefined;
let watching = false;

link.onMessage((message: MainToStore) => {
  switch (message.type) {
    case "open":
      return open(message);
    case "attach_producer":
      return attach(message.producer, message.port);
    case "detach_producer":
      return detach(message.producer);
    case "watch":
      watching = message.watching;
      return;
    case "statistics":
      return link.send({
        type: "statistics_answer",
        requestId: message.requestId,
        statistics: opened().statistics(),
      });
    case "close":
      return void close();
    default:
      message satisfies never;
  }
});

function open(message: Extract<MainToStore, { type: "open" }>): void {
  store = new Store({
    directory: message.directory,
    runId: message.runId,
    settings: message.settings,
    logger: link.logger,
    now: () => Date.now(),
    onStored: (rows) => {
      if (!watching) return;
      const messages = rows.map((row) => ({ origin: row.origin, line: formatLine(row).trimEnd() }));
      link.send({ type: "stored", messages });
    },
    onFailure: link.fail,
  });
  link.startBeating(message.beatIntervalMs);
  link.send({ type: "opened" });
}

function attach(producer: Producer, port: MessagePort): void {
  ports.set(key(producer), port);
  port.onmessage = (event: MessageEvent) => {
    const { messages } = event.data as ProducerToStore;
    opened().append({ producer, messages, answer: (answer) => port.postMessage(answer) });
  };
}

/** What a producer that was replaced still sends is not stored. */
function detach(producer: Producer): void {
  ports.get(key(producer))?.close();
  ports.delete(key(producer));
}

async function close(): Promise<void> {
  await opened().close();
  link.send({ type: "closed" });
}

function opened(): Store {
  if (store === undefined) throw new Error("the store was used before it was opened");
  return store;
}

function key({ name, generation }: Producer): string {
  return `${name} ${generation}`;
}
