// Runs in: tests.
import type { MessageBody, Variant } from "../../src/shared/message.ts";
import { VARIANTS } from "../../src/shared/message.ts";
import type { BackendToStore, LeasedMessage, StoreToBackend } from "../../src/shared/protocol.ts";

/** Keeps the store's side of the contract with one backend, in memory, and checks the backend's side. */
export interface FakeStore {
  /** Opens a door; the one before is dead then, and all leases return. */
  open(): MessagePort;
  /** Stores messages; their ids go on from the last. @returns the ids. */
  add(bodies: MessageBody[], timestamp?: number): number[];
  /** Ids that wait or are in hand. */
  readonly waiting: number[];
  readonly leased: number[];
  /** In the order in which they were said. */
  readonly acknowledged: number[];
  readonly parked: { id: number; reason: string }[];
  readonly leases: number;
  /** While it is, whatever the backend says is lost, as in a store that dies before its next commit. */
  isDeaf: boolean;
  /** What the backend did that the contract forbids. */
  readonly violations: string[];
  close(): void;
}

/** @param timestamp Unix seconds that messages carry by default. */
export function createFakeStore({ timestamp = 1_763_806_800.123 } = {}): FakeStore {
  const messages = new Map<number, LeasedMessage>();
  const inHand = new Set<number>();
  const acknowledged: number[] = [];
  const parked: { id: number; reason: string }[] = [];
  const violations: string[] = [];
  let port: MessagePort | undefined;
  let isHungry = false;
  let lastId = 0;
  let leases = 0;

  const send = (message: StoreToBackend) => port?.postMessage(message);
  const tell = () => {
    if (isHungry) send({ type: "available" });
    isHungry = false;
  };

  function lease(maxMessages: number, maxBytes: number, without: Variant[]): LeasedMessage[] {
    const found: LeasedMessage[] = [];
    let bytes = 0;
    const rank = (variant: Variant) => VARIANTS.indexOf(variant);
    const free = [...messages.values()].filter(({ id, variant }) =>
      !inHand.has(id) && !without.includes(variant)
    )
      .sort((a, b) => rank(a.variant) - rank(b.variant) || a.id - b.id);
    for (const message of free) {
      bytes += message.body.length;
      if (found.length >= maxMessages || (found.length > 0 && bytes > maxBytes)) break;
      found.push(message);
      inHand.add(message.id);
    }
    return found;
  }

  function receive(message: BackendToStore): void {
    if (message.type === "lease") {
      leases++;
      if (!(message.maxMessages >= 1) || !(message.maxBytes >= 1)) {
        violations.push(`lease of ${message.maxMessages} messages, ${message.maxBytes} bytes`);
      }
      const found = lease(message.maxMessages, message.maxBytes, message.without ?? []);
      isHungry = found.length === 0;
      return send({ type: "leased", messages: found });
    }
    if (store.isDeaf) return;
    const ids = message.type === "park" ? [message.id] : message.ids;
    for (const id of ids) settle(id, message);
    send({ type: "settled", ids });
    if (message.type === "give_back") tell();
  }

  function settle(id: number, message: Exclude<BackendToStore, { type: "lease" }>): void {
    if (!inHand.delete(id)) return void violations.push(`${message.type} of ${id}, which is not leased`);
    if (message.type === "acknowledge") acknowledged.push(id);
    if (message.type === "park") parked.push({ id, reason: message.reason });
    if (message.type !== "give_back") messages.delete(id);
  }

  const store: FakeStore = {
    isDeaf: false,
    open() {
      port?.close();
      inHand.clear();
      isHungry = false;
      const { port1, port2 } = new MessageChannel();
      port = port1;
      port1.onmessage = (event) => receive(event.data);
      return port2;
    },
    add(bodies, at = timestamp) {
      const ids = bodies.map((body) => {
        const id = ++lastId;
        messages.set(id, { id, timestamp: at, variant: body.variant, body: JSON.stringify(body) });
        return id;
      });
      tell();
      return ids;
    },
    get waiting() {
      return [...messages.keys()];
    },
    get leased() {
      return [...inHand];
    },
    acknowledged,
    parked,
    get leases() {
      return leases;
    },
    violations,
    close: () => port?.close(),
  };
  return store;
}
