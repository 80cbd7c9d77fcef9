// Runs in: backend worker.
import type { Parcel } from "./parcels.ts";

const FIRST_MS = 1000;
const LIMIT_MS = 300_000;
/** How many messages may be held back before the oldest are parked. */
const MAX_HELD = 1000;
/** Stands for "it is being tried again". */
const RELEASED = -Infinity;

interface Held {
  parcels: Parcel[];
  untilMs: number;
  delayMs: number;
  reason: string;
  timer: ReturnType<typeof setTimeout>;
}

export interface HeldChannelsOptions {
  /** Milliseconds that never jump. */
  monotonic: () => number;
  /** Tries parcels again. */
  release: (parcels: Parcel[]) => void;
  park: (parcel: Parcel, reason: string) => void;
}

/** Channels that the server does not take now (no right, no quota): tried again with backoff, past which others go. */
export class HeldChannels {
  #options: HeldChannelsOptions;
  #channels = new Map<string, Held>();
  #othersGo = false;

  constructor(options: HeldChannelsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#count() === 0;
  }

  /** Nothing more may be leased: everything that goes anywhere is held back. */
  get isFull(): boolean {
    return this.#channels.size > 0 && this.#count() >= MAX_HELD;
  }

  /** Holds back a parcel that was refused. @returns true when its channel was not held before. */
  hold(parcel: Parcel, reason: string): boolean {
    const known = this.#channels.get(parcel.channel);
    if (known !== undefined && known.untilMs > this.#options.monotonic()) {
      this.#insert(known, parcel);
      return false;
    }
    const delayMs = Math.min(LIMIT_MS, known === undefined ? FIRST_MS : known.delayMs * 2);
    const timer = setTimeout(() => this.#release(parcel.channel), delayMs);
    const untilMs = this.#options.monotonic() + delayMs;
    this.#channels.set(parcel.channel, { parcels: [parcel], untilMs, delayMs, reason, timer });
    return known === undefined;
  }

  /** Holds back a parcel of a channel that waits. @returns false when its channel does not. */
  takes(parcel: Parcel): boolean {
    const held = this.#channels.get(parcel.channel);
    if (held === undefined || held.untilMs <= this.#options.monotonic()) return false;
    this.#insert(held, parcel);
    if (this.#othersGo) this.#parkOldest(held);
    return true;
  }

  /** The server took a parcel. */
  accepted(channel: string): void {
    if (this.#channels.get(channel)?.untilMs === RELEASED) this.#channels.delete(channel);
    this.#othersGo = this.#channels.size > 0;
  }

  /** Lets go of everything. @returns what was held back. */
  clear(): Parcel[] {
    const held = [...this.#channels.values()];
    this.#channels.clear();
    for (const { timer } of held) clearTimeout(timer);
    return held.flatMap(({ parcels }) => parcels);
  }

  #release(channel: string): void {
    const held = this.#channels.get(channel);
    if (held === undefined) return;
    held.untilMs = RELEASED;
    this.#options.release(held.parcels.splice(0));
  }

  #insert({ parcels }: Held, parcel: Parcel): void {
    parcels.push(parcel);
    parcels.sort((a, b) => a.elements[0]!.id - b.elements[0]!.id);
  }

  /** Where other channels go through, one that does not must not fill the memory. */
  #parkOldest({ parcels, reason }: Held): void {
    while (this.#count() > MAX_HELD) this.#options.park(parcels.shift()!, reason);
  }

  #count(): number {
    let count = 0;
    for (const { parcels } of this.#channels.values()) {
      for (const { elements } of parcels) count += elements.length;
    }
    return count;
  }
}
