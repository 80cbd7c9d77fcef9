// Runs in: backend worker.
import { setImmediate } from "node:timers";
import type { Variant } from "../shared/message.ts";
import type { BackendToStore, LeasedMessage, StoreToBackend } from "../shared/protocol.ts";

/** What has been decided of a message and is not yet durable in the store. */
type Verdict = { kind: "acknowledged" } | { kind: "parked"; reason: string };

/** Told of what the store has to give. */
export interface StoreListener {
  /** @param isEmpty The store had nothing: it will tell when there is something again. */
  leased(messages: LeasedMessage[], isEmpty: boolean): void;
  /** There is something to lease again. */
  available(): void;
  /** Another store took over: it knows of no lease. */
  replaced(): void;
}

const ACKNOWLEDGED: Verdict = { kind: "acknowledged" };

/**
 * A backend's door to the store. Acknowledgements are collected for one turn of the event loop. When the store is
 * replaced, what it had not yet made durable is said again as soon as the new one hands the message out.
 */
export class StoreDoor {
  #port: MessagePort | undefined;
  #isLeasing = false;
  #listener: StoreListener | undefined;
  #unsettled = new Map<number, Verdict>();
  #acknowledged: number[] = [];
  #onSettled: (() => void)[] = [];

  /** Sets who is told; one at a time. */
  listen(listener: StoreListener | undefined): void {
    this.#listener = listener;
  }

  /** Takes a (new) store into use. */
  attach(port: MessagePort): void {
    const isSuccessor = this.#port !== undefined;
    this.#port?.close();
    this.#port = port;
    this.#acknowledged = [];
    this.#isLeasing = false;
    port.onmessage = (event: MessageEvent) => this.#receive(event.data as StoreToBackend);
    if (isSuccessor) this.#listener?.replaced();
  }

  /**
   * Asks for messages, unless an answer is under way; it goes to the listener, also when there are none.
   *
   * @param without Kinds that are left out.
   */
  lease(maxMessages: number, maxBytes: number, without: Variant[] = []): void {
    if (this.#isLeasing) return;
    this.#isLeasing = true;
    this.#send({ type: "lease", maxMessages, maxBytes, without });
  }

  acknowledge(ids: Iterable<number>): void {
    for (const id of ids) {
      this.#unsettled.set(id, ACKNOWLEDGED);
      if (this.#acknowledged.push(id) === 1) setImmediate(() => this.#flush());
    }
  }

  giveBack(ids: number[]): void {
    if (ids.length > 0) this.#send({ type: "give_back", ids });
  }

  park(id: number, reason: string): void {
    this.#unsettled.set(id, { kind: "parked", reason });
    this.#send({ type: "park", id, reason });
  }

  /** Resolves when everything that was said is durable. */
  settled(): Promise<void> {
    if (this.#unsettled.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  /** Nothing more is said. */
  close(): void {
    this.#flush();
    this.#port?.close();
  }

  #receive(message: StoreToBackend): void {
    switch (message.type) {
      case "leased":
        this.#isLeasing = false;
        return this.#leased(message.messages);
      case "available":
        return this.#listener?.available();
      case "settled":
        for (const id of message.ids) this.#unsettled.delete(id);
        if (this.#unsettled.size === 0) this.#onSettled.splice(0).forEach((resolve) => resolve());
        return;
      default:
        message satisfies never;
    }
  }

  #leased(messages: LeasedMessage[]): void {
    const fresh = this.#unsettled.size === 0 ? messages : messages.filter(({ id }) => !this.#repeat(id));
    if (this.#listener === undefined) this.giveBack(fresh.map(({ id }) => id)); // the connection is gone meanwhile
    else this.#listener.leased(fresh, messages.length === 0);
  }

  /** Says again what a store that was replaced may not have heard. @returns true when there was something to say. */
  #repeat(id: number): boolean {
    const verdict = this.#unsettled.get(id);
    if (verdict === undefined) return false;
    if (verdict.kind === "parked") this.park(id, verdict.reason);
    else this.acknowledge([id]);
    return true;
  }

  #flush(): void {
    const ids = this.#acknowledged;
    this.#acknowledged = [];
    if (ids.length > 0) this.#send({ type: "acknowledge", ids });
  }

  #send(message: BackendToStore): void {
    this.#port?.postMessage(message);
  }
}
