// Runs in: any thread.
import {
  type Data,
  encodeBody,
  encodeData,
  type Level,
  LEVELS,
  MAX_MESSAGE_LENGTH,
  type MessageBody,
} from "./message.ts";
import type { OutgoingMessage, ProducerToStore, StoreToProducer } from "./protocol.ts";

/** How many messages of one sender may wait for the store before the next is refused. */
export const MAX_UNRESOLVED = 1000;
/** How long they may be all together, in characters of JSON. */
export const MAX_UNRESOLVED_LENGTH = 8 * MAX_MESSAGE_LENGTH;

/** The door to the store. Each promise resolves once its message is safe on disk. */
export interface Messages {
  /**
   * Stores one measurement.
   *
   * Awaiting it waits for the disk; a loop that must not wait leaves the promise alone (a failure is then logged).
   * @throws {TypeError} when a key or value cannot be stored; nothing is stored then.
   * @throws {Error} when {@link MAX_UNRESOLVED} messages wait already, or {@link MAX_UNRESOLVED_LENGTH} characters of
   * them, or the store refuses (full disk).
   */
  data(data: Data): Promise<void>;
  /** Stores one log message, whatever the logging thresholds are. */
  log(level: Level, subject: string, body?: string): Promise<void>;
}

interface Waiting {
  message: OutgoingMessage;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Sends messages to whichever store is alive, and again to its successor, until each is resolved. */
export class MessageSender implements Messages {
  #port: MessagePort | undefined;
  #waiting = new Map<number, Waiting>();
  /** Of all that wait, in characters. */
  #waitingLength = 0;
  #outgoing: OutgoingMessage[] = [];
  #lastSequence = 0;
  #onSettled: (() => void)[] = [];
  #options: { now: () => number; onFailure: (error: Error) => void };

  /**
   * @param options.now Unix milliseconds.
   * @param options.onFailure Told of each failure, also when nobody awaits the promise.
   */
  constructor(options: { now: () => number; onFailure: (error: Error) => void }) {
    this.#options = options;
  }

  /** How many messages wait for the store. */
  get unresolved(): number {
    return this.#waiting.size;
  }

  /** Takes a (new) store into use and sends it everything that is unresolved, in order. */
  attach(port: MessagePort): void {
    this.#port?.close(); // what the old store stored, the new one knows
    this.#port = port;
    port.onmessage = (event: MessageEvent) => this.#receive(event.data as StoreToProducer);
    this.#outgoing = [...this.#waiting.values()].map(({ message }) => message);
    this.#flush();
  }

  data(data: Data): Promise<void> {
    return this.#send("data", () => encodeData(data));
  }

  log(level: Level, subject: string, body = ""): Promise<void> {
    return this.#send("log", () => {
      if (!LEVELS.includes(level)) {
        throw new TypeError(`${level} is no level: expected one of ${LEVELS.join(", ")}`);
      }
      return encodeBody({ variant: "log", level, subject: String(subject), body: String(body) });
    });
  }

  /** Stores any message body. */
  send(body: MessageBody): Promise<void> {
    return this.#send(body.variant, () => encodeBody(body));
  }

  /** Resolves when nothing is unresolved any more. */
  settled(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  #send(variant: OutgoingMessage["variant"], encode: () => string): Promise<void> {
    const sequence = this.#lastSequence + 1;
    const promise = new Promise<void>((resolve, reject) => {
      const body = encode();
      const { size } = this.#waiting;
      if (size >= MAX_UNRESOLVED || this.#waitingLength + body.length > MAX_UNRESOLVED_LENGTH) {
        throw new Error(
          `${size} messages of ${this.#waitingLength} characters wait for the store already; this one is not stored. ` +
            "Send more slowly, await the promises, or see in the log why the store is slow",
        );
      }
      const message = { sequence, timeMs: this.#options.now(), variant, body };
      this.#lastSequence = sequence;
      this.#waitingLength += body.length;
      this.#waiting.set(sequence, { message, resolve, reject });
      if (this.#outgoing.push(message) === 1) queueMicrotask(() => this.#flush());
    });
    promise.catch((error: Error) => this.#options.onFailure(error));
    return promise;
  }

  #flush(): void {
    if (this.#port === undefined || this.#outgoing.length === 0) return;
    this.#port.postMessage({ type: "append", messages: this.#outgoing } satisfies ProducerToStore);
    this.#outgoing = [];
  }

  #receive(answer: StoreToProducer): void {
    answer.sequences.forEach((sequence) => {
      const waiting = this.#waiting.get(sequence);
      if (this.#waiting.delete(sequence)) this.#waitingLength -= waiting!.message.body.length;
      if (answer.type === "appended") waiting?.resolve();
      else waiting?.reject(new Error(`the store refused a message: ${answer.reason}`));
    });
    if (this.#waiting.size === 0) this.#onSettled.splice(0).forEach((resolve) => resolve());
  }
}
