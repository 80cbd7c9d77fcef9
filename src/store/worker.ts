// Runs in: store worker.
import type {
  MainToStore,
  Producer,
  StoreRequest,
  StoreToBackend,
  StoreToMain,
  StoreToProducer,
} from "../shared/protocol.ts";
import { sentenceOf } from "../shared/errors.ts";
import { MAX_UNRESOLVED, MAX_UNRESOLVED_LENGTH } from "../shared/message_sender.ts";
import { InvalidMessageError } from "../shared/shape.ts";
import { linkToMain } from "../shared/worker_link.ts";
import { formatLine, type NewRow } from "../shared/message_line.ts";
import type { Points } from "./charts.ts";
import { decodeFromBackend, decodeFromProducer } from "./decoders.ts";
import { isLarge, openWhenThereIsSpace } from "./open_store.ts";
import { producerKey } from "./outbox.ts";
import type { Store } from "./store.ts";

/** The producer's name of main itself. */
const MAIN = "agent";

const link = linkToMain<StoreToMain>("store");
const producers = new Map<string, MessagePort>();
const backends = new Map<string, BackendDoor>();
let watching = false;
/** Resolves to the store once it is open; what arrives before waits in order. No store: it was told to close before. */
let opening: Promise<Store | undefined> | undefined;
const closing = new AbortController();

interface BackendDoor {
  port: MessagePort;
  /** Its last lease was not filled: it wants to hear when there is more. */
  isHungry: boolean;
}

link.onMessage((message: MainToStore) => {
  if (message.type === "close") closing.abort();
  if (message.type === "open") opening = open(message);
  else void opening?.then((opened) => receive(opened, message)).catch(link.fail);
});

async function open({ opening, beatIntervalMs }: MainToStore & { type: "open" }): Promise<Store | undefined> {
  link.startBeating(beatIntervalMs);
  const options = {
    ...opening,
    logger: link.logger,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    onStored: (rows: NewRow[]) => {
      if (!watching) return;
      const messages = rows.map((row) => ({ origin: row.origin, line: formatLine(row).trimEnd() }));
      link.send({ type: "stored", messages });
    },
    onPoints: (points: Points) => link.send({ type: "points", ...points }),
    onAvailable: tellTheHungry,
    onFailure: link.fail,
  };
  let store: Store | undefined;
  try {
    store = await openWhenThereIsSpace(options, closing.signal);
  } catch (error) {
    await link.fail(error);
    throw error;
  }
  if (store !== undefined) link.send({ type: "opened", checkDatabase: isLarge(opening.directory) });
  return store;
}

function receive(store: Store | undefined, message: Exclude<MainToStore, { type: "open" }>): void {
  if (store === undefined) return message.type === "close" ? link.send({ type: "closed" }) : undefined;
  switch (message.type) {
    case "attach_producer":
      return attachProducer(store, message.producer, message.port);
    case "detach_producer":
      return detachProducer(store, message.producer);
    case "attach_backend":
      return attachBackend(store, message.name, message.port);
    case "detach_backend":
      return detachBackend(store, message.name);
    case "set_backends":
      return store.setBackends(message.names);
    case "clock_trust":
      return message.isTrusted ? store.trustClock() : store.distrustClock();
    case "damaged":
      return store.reportDamage(message.reason);
    case "watch":
      watching = message.watching;
      return;
    case "watch_points":
      return store.watchPoints(message.watching);
    case "request":
      return void answer(store, message.request).then((answer) =>
        link.send({ type: "answer", requestId: message.requestId, answer })
      );
    case "close":
      return void store.close().then(() => link.send({ type: "closed" })).catch(link.fail);
    default:
      message satisfies never;
  }
}

/** Whatever comes through the port is that producer's: main alone says who is at its other end. */
function attachProducer(store: Store, producer: Producer, port: MessagePort): void {
  producers.get(producerKey(producer))?.close();
  producers.set(producerKey(producer), port);
  let unanswered = 0;
  let unansweredLength = 0;
  const append = (data: unknown) => {
    const { messages } = decodeFromProducer(data, producer.name === MAIN);
    const lengths = new Map(messages.map(({ sequence, body }) => [sequence, body.length]));
    unanswered += messages.length;
    for (const length of lengths.values()) unansweredLength += length;
    if (unanswered > MAX_UNRESOLVED || unansweredLength > MAX_UNRESOLVED_LENGTH) {
      throw new InvalidMessageError(
        `more than ${MAX_UNRESOLVED} messages or ${MAX_UNRESOLVED_LENGTH} characters of them wait for an answer`,
      );
    }
    const answer = (reply: StoreToProducer) => {
      unanswered -= reply.sequences.length;
      for (const sequence of reply.sequences) unansweredLength -= lengths.get(sequence)!;
      port.postMessage(reply);
    };
    store.append({ producer, messages, answer });
  };
  const refuse = (reason: string) => {
    detachProducer(store, producer);
    link.send({ type: "invalid_message", sender: { kind: "producer", ...producer }, reason });
  };
  receiveBy(port, append, refuse);
}

/** @param refuse Told of a message that is not what was agreed on. */
function receiveBy(
  port: MessagePort,
  receive: (data: unknown) => void,
  refuse: (reason: string) => void,
): void {
  port.onmessage = (event: MessageEvent) => {
    try {
      receive(event.data);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      refuse(error.message);
    }
  };
  port.onmessageerror = () => refuse("it cannot be read");
}

/** What a producer that has ended still sends is not stored. */
function detachProducer(store: Store, producer: Producer): void {
  producers.get(producerKey(producer))?.close();
  if (producers.delete(producerKey(producer))) store.forget(producer);
}

function attachBackend(store: Store, name: string, port: MessagePort): void {
  detachBackend(store, name);
  const door: BackendDoor = { port, isHungry: false };
  backends.set(name, door);
  const send = (message: StoreToBackend) => port.postMessage(message);
  const receive = (data: unknown) => {
    if (backends.get(name) !== door) return; // what the one before still says concerns no lease of this one
    const message = decodeFromBackend(data);
    if (message.type !== "lease") return store.settle(name, message, (ids) => send({ type: "settled", ids }));
    const messages = store.lease(name, message.maxMessages, message.maxBytes, message.without ?? []);
    door.isHungry = messages.length === 0;
    send({ type: "leased", messages });
  };
  const refuse = (reason: string) => {
    if (backends.get(name) !== door) return;
    detachBackend(store, name);
    link.send({ type: "invalid_message", sender: { kind: "backend", name, generation: 0 }, reason });
  };
  receiveBy(port, receive, refuse);
}

function detachBackend(store: Store, name: string): void {
  backends.get(name)?.port.close();
  if (backends.delete(name)) store.giveAllBack(name);
}

function tellTheHungry(): void {
  for (const door of backends.values()) {
    if (!door.isHungry) continue;
    door.isHungry = false;
    door.port.postMessage({ type: "available" } satisfies StoreToBackend);
  }
}

async function answer(store: Store, request: StoreRequest) {
  try {
    return request.kind === "series" ? await store.series(request.query) : store.request(request);
  } catch (error) {
    return { error: sentenceOf(error) };
  }
}
