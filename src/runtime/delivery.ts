// Runs in: backend worker.
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { LeasedMessage } from "../shared/protocol.ts";
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { Flow } from "./flow.ts";
import { HeldChannels } from "./held_channels.ts";
import type { HoldLog } from "./hold_log.ts";
import { createLeaseSize } from "./lease_size.ts";
import { type Link, type LinkEnd, RefusedError } from "./link.ts";
import { type Element, packParcels, type Parcel, splitParcel, type Unsendable } from "./parcels.ts";
import { ParcelQueue } from "./parcel_queue.ts";
import type { StoreDoor, StoreListener } from "./store_door.ts";
import { HANGS_UP, type Suspicion } from "./suspicion.ts";

/** A server that is silent for so long while it owes acknowledgements has lost them, in milliseconds. */
const STALL_MS = 120_000;
/** When so many messages in a row are refused for a reason that is not clear, it is not the messages. */
const MAX_UNCLEAR = 10;

export interface DeliveryOptions {
  door: StoreDoor;
  /** One message in the server's words. */
  encode: (message: LeasedMessage) => Element | Unsendable;
  flow: Flow;
  suspicion: Suspicion;
  holds: HoldLog;
  /** Puts a message away for good; it is kept, counted and listed. */
  park: (id: number, reason: string) => void;
  logger: Logger;
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Aborts when the backend has to end: then what waits is still sent, within the limit. */
  stopping: AbortSignal;
  maxDrainMs: number;
}

export type DeliveryEnd = { kind: "broken"; end: LinkEnd } | { kind: "stopped"; left: boolean };

/**
 * Brings messages over one connection: leases ahead, keeps a window of parcels unanswered, tells the store what the
 * server has, and gives the rest back at the end.
 */
export class Delivery implements StoreListener {
  #options: DeliveryOptions;
  #link: Link;
  #queue = new ParcelQueue();
  #inFlight = new Map<Parcel, number>();
  #inFlightBytes = 0;
  #held: HeldChannels;
  /** What kinds of messages go into each channel, as far as was seen. */
  #variants = new Map<string, Set<Variant>>();
  #leaseSize;
  #isLeasing = false;
  #wasFull = false;
  /** The store had nothing left; it will tell. */
  #isExhausted = false;
  /** The end has come since the store was asked: an answer of before says nothing of what was stored last. */
  #mustLook = false;
  /** In flight when the store was replaced: the new one hands them out once more. */
  #orphans = new Set<number>();
  #setAside: number[] = [];
  #unclear = 0;
  #isOver = false;
  #lastAnswerMs: number;
  #timers: Record<string, ReturnType<typeof setTimeout>> = {};
  #resolve!: (end: DeliveryEnd) => void;

  constructor(link: Link, options: DeliveryOptions) {
    this.#link = link;
    this.#options = options;
    this.#lastAnswerMs = options.monotonic();
    this.#leaseSize = createLeaseSize(options.monotonic);
    this.#held = new HeldChannels({
      probesFirst: link.probesFirst ?? false,
      release: (parcels) => {
        this.#isExhausted = false; // kinds that were left out of leases may be asked for again
        this.#queue.unshift(parcels);
        this.#pump();
      },
    });
  }

  /** Delivers until the connection is over, or until nothing is left after `stopping`. */
  run(): Promise<DeliveryEnd> {
    const { door, stopping } = this.#options;
    const done = new Promise<DeliveryEnd>((resolve) => this.#resolve = resolve);
    door.listen(this);
    void this.#link.ended.then((end) => this.#broke(end));
    if (stopping.aborted) this.#drain();
    else stopping.addEventListener("abort", this.#drain, { once: true });
    this.#timers["stall"] = setInterval(() => this.#checkStall(), STALL_MS / 4);
    this.#pump();
    return done;
  }

  leased(messages: LeasedMessage[], isEmpty: boolean): void {
    this.#isLeasing = false;
    this.#isExhausted = isEmpty && !this.#mustLook;
    this.#wasFull = messages.length >= this.#leaseSize.messages / 2;
    const { flow, suspicion, park } = this.#options;
    const elements: Element[] = [];
    for (const message of messages) {
      if (this.#orphans.delete(message.id)) continue; // on its way already
      if (message.id === suspicion.setAsideId) {
        this.#setAside.push(message.id);
        continue;
      }
      const encoded = this.#encode(message);
      if ("reason" in encoded) park(encoded.id, encoded.reason);
      else {
        elements.push(encoded);
        this.#noteVariant(encoded.channel, message.variant);
      }
    }
    const targetBytes = suspicion.isCautious ? 0 : flow.bytes / 2;
    const { parcels, unsendable } = packParcels(elements, this.#limits, targetBytes);
    for (const { id, reason } of unsendable) park(id, reason);
    this.#queue.push(parcels);
    this.#pump();
  }

  available(): void {
    this.#isExhausted = false;
    this.#pump();
  }

  replaced(): void {
    for (const { elements } of this.#inFlight.keys()) for (const { id } of elements) this.#orphans.add(id);
    this.#queue.clear();
    this.#held.clear();
    this.#setAside = [];
    this.#isLeasing = this.#isExhausted = false;
    this.#pump();
  }

  /** A message that cannot even be read must not end the worker with every start anew. */
  #encode(message: LeasedMessage): Element | Unsendable {
    try {
      return this.#options.encode(message);
    } catch (error) {
      return { id: message.id, reason: `it cannot be put into the server's words: ${sentenceOf(error)}` };
    }
  }

  #limits = (channel: string) => this.#link.limits(channel);

  #drain = (): void => {
    this.#isExhausted = false;
    this.#mustLook = true;
    this.#timers["drain"] = setTimeout(() => this.#stop(true), this.#options.maxDrainMs);
    this.#pump();
  };

  #pump(): void {
    if (this.#isOver) return;
    for (let parcel = this.#queue.first; parcel !== undefined; parcel = this.#queue.first) {
      if (this.#held.takes(parcel)) {
        this.#queue.shift();
        continue;
      }
      if (!this.#hasRoom(parcel)) break;
      const waitMs = this.#link.pace?.(parcel) ?? 0;
      if (waitMs > 0) {
        this.#wake(waitMs);
        break;
      }
      this.#queue.shift();
      this.#send(parcel);
    }
    this.#leaseMore();
    this.#stopIfDrained();
  }

  #hasRoom({ sizeBytes }: Parcel): boolean {
    const { flow, suspicion } = this.#options;
    if (this.#inFlight.size === 0) return true;
    return this.#inFlight.size < this.#link.window && !suspicion.isCautious &&
      this.#inFlightBytes + sizeBytes <= flow.bytes;
  }

  #wake(waitMs: number): void {
    clearTimeout(this.#timers["pace"]);
    this.#timers["pace"] = setTimeout(() => this.#pump(), waitMs);
  }

  #leaseMore(): void {
    const without = this.#heldVariants;
    if (this.#isLeasing || this.#isExhausted || without.length === VARIANTS.length) return;
    const { door, flow } = this.#options;
    if (this.#queue.messages > this.#leaseSize.messages / 2) return;
    this.#isLeasing = true;
    this.#mustLook = false;
    door.lease(this.#leaseSize.next(this.#wasFull), flow.bytes, without);
  }

  #noteVariant(channel: string, variant: Variant): void {
    const known = this.#variants.get(channel);
    if (known === undefined) this.#variants.set(channel, new Set([variant]));
    else known.add(variant);
  }

  /** Kinds of which enough is held back: more must not fill the memory, and other kinds go past. */
  get #heldVariants(): Variant[] {
    const variants = this.#held.full.flatMap((channel) => [...this.#variants.get(channel) ?? []]);
    return [...new Set(variants)];
  }

  #send(parcel: Parcel): void {
    if (this.#inFlight.size === 0) this.#lastAnswerMs = this.#options.monotonic();
    this.#inFlight.set(parcel, this.#options.monotonic());
    this.#inFlightBytes += parcel.sizeBytes;
    this.#link.send(parcel).then(() => this.#accepted(parcel), (error) => this.#failed(parcel, error));
  }

  #accepted(parcel: Parcel): void {
    const sentMs = this.#answered(parcel);
    if (sentMs === undefined) return;
    this.#unclear = 0;
    const { door, flow, suspicion, park } = this.#options;
    flow.acknowledged(parcel.sizeBytes, sentMs, this.#lastAnswerMs);
    door.acknowledge(parcel.elements.map(({ id }) => id));
    this.#notHeld(parcel);
    const culprit = suspicion.accepted();
    if (culprit !== undefined && this.#setAside.includes(culprit)) park(culprit, HANGS_UP);
    this.#setAside = this.#setAside.filter((id) => id !== culprit);
    this.#pump();
  }

  #failed(parcel: Parcel, error: unknown): void {
    if (this.#answered(parcel) === undefined) return;
    if (!(error instanceof RefusedError)) {
      this.#inFlight.set(parcel, this.#lastAnswerMs); // unknown: given back when the connection is over
      void this.#link.close({ reason: (error as Error).message, isGraceful: false });
    } else if (this.#isMomentary(error)) {
      this.#held.hold(parcel);
      this.#options.holds.held(parcel.channel, error.message);
    } else {
      this.#notHeld(parcel);
      if (parcel.elements.length === 1) this.#park(parcel, `refused by the server: ${error.message}`);
      else this.#queue.unshift(splitParcel(parcel, this.#limits));
    }
    this.#pump();
  }

  #notHeld(parcel: Parcel): void {
    if (this.#held.answered(parcel)) this.#options.holds.taken(parcel.channel);
  }

  #isMomentary({ fault }: RefusedError): boolean {
    if (fault === "unclear") return ++this.#unclear > MAX_UNCLEAR;
    return fault === "circumstances";
  }

  /** @returns when it was sent; undefined when the connection is over and the answer comes too late. */
  #answered(parcel: Parcel): number | undefined {
    const sentMs = this.#inFlight.get(parcel);
    if (sentMs === undefined) return undefined;
    this.#inFlight.delete(parcel);
    this.#inFlightBytes -= parcel.sizeBytes;
    this.#lastAnswerMs = this.#options.monotonic();
    return sentMs;
  }

  #park({ elements }: Parcel, reason: string): void {
    for (const { id } of elements) this.#options.park(id, reason);
  }

  #checkStall(): void {
    if (this.#inFlight.size === 0 || this.#options.monotonic() - this.#lastAnswerMs < STALL_MS) return;
    const reason = `the server has acknowledged nothing for ${STALL_MS / 1000} s`;
    void this.#link.close({ reason, isGraceful: false });
  }

  #broke(end: LinkEnd): void {
    if (this.#isOver) return;
    const { flow, suspicion, logger } = this.#options;
    const [oldest] = this.#inFlight.keys();
    if (oldest !== undefined) flow.broken();
    if (oldest !== undefined && end.byServer && suspicion.hungUp(oldest.elements[0]!.id)) {
      logger.warning("the server closes the connection on whatever is sent to it");
    }
    this.#finish({ kind: "broken", end });
  }

  #stopIfDrained(): void {
    const isIdle = this.#queue.first === undefined && this.#inFlight.size === 0 && !this.#isLeasing;
    const isAll = this.#isExhausted || this.#heldVariants.length === VARIANTS.length;
    if (this.#options.stopping.aborted && isIdle && isAll) this.#stop(!this.#held.isEmpty);
  }

  #stop(left: boolean): void {
    if (!this.#isOver) this.#finish({ kind: "stopped", left });
  }

  #finish(end: DeliveryEnd): void {
    const { door, stopping } = this.#options;
    this.#isOver = true;
    stopping.removeEventListener("abort", this.#drain);
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    door.listen(undefined);
    const parcels = [...this.#inFlight.keys(), ...this.#queue.clear(), ...this.#held.clear()];
    const ids = parcels.flatMap(({ elements }) => elements.map(({ id }) => id));
    door.giveBack([...ids, ...this.#setAside]);
    this.#inFlight.clear();
    this.#resolve(end);
  }
}
