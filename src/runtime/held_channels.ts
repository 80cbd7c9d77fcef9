// Runs in: backend worker.
import type { Parcel } from "./parcels.ts";

const FIRST_MS = 1000;
const LIMIT_MS = 60_000;
/** So many messages of one channel may be held back; the others stay in the outbox. */
const MAX_HELD = 1000;

interface Held {
  /** Oldest first. */
  parcels: Parcel[];
  /** In the parcels. */
  messages: number;
  /** On its way, to see whether the server takes it. */
  probe: Parcel | undefined;
  /** Of the last pause; 0 = nothing was refused yet. */
  delayMs: number;
  timer?: ReturnType<typeof setTimeout>;
}

export interface HeldChannelsOptions {
  /** Sends parcels, in front of all others. */
  release: (parcels: Parcel[]) => void;
  /** The first parcel of a channel travels alone: the others follow when the server has taken it. */
  probesFirst: boolean;
}

/**
 * Channels that the server does not take now (no right, no quota, nobody who listens): tried again with growing pauses, at
 * least once a minute, past which other channels go. One parcel is tried, the others keep their place behind it, so that
 * all arrive in order when the server takes them again. None is given up.
 */
export class HeldChannels {
  #options: HeldChannelsOptions;
  #channels = new Map<string, Held>();
  /** The server takes them, as far as is known. */
  #open = new Set<string>();

  constructor(options: HeldChannelsOptions) {
    this.#options = options;
  }

  /** Nothing is held back. */
  get isEmpty(): boolean {
    return [...this.#channels.values()].every(({ parcels }) => parcels.length === 0);
  }

  /** Channels of which no more may be taken out of the outbox. */
  get full(): string[] {
    return [...this.#channels].flatMap(([channel, { messages }]) => messages >= MAX_HELD ? [channel] : []);
  }

  /** Holds back a parcel that was refused. */
  hold(parcel: Parcel): void {
    const held = this.#channels.get(parcel.channel) ?? heldBehind(undefined);
    this.#insert(held, parcel);
    this.#channels.set(parcel.channel, held);
    this.#open.delete(parcel.channel);
    if (held.timer !== undefined || (held.probe !== undefined && held.probe !== parcel)) return;
    held.probe = undefined;
    held.delayMs = Math.min(LIMIT_MS, held.delayMs === 0 ? FIRST_MS : held.delayMs * 2);
    held.timer = setTimeout(() => this.#tryAgain(held), held.delayMs);
  }

  /** Holds back a parcel of a channel that waits. @returns false when it may be sent. */
  takes(parcel: Parcel): boolean {
    const { channel } = parcel;
    const held = this.#channels.get(channel);
    if (held === undefined) {
      const isProbe = this.#options.probesFirst && !this.#open.has(channel);
      if (isProbe) this.#channels.set(channel, heldBehind(parcel));
      return false;
    }
    if (held.probe === parcel) return false;
    this.#insert(held, parcel);
    return true;
  }

  /** The server has taken a parcel, or found fault with the parcel itself. @returns whether its channel is open now. */
  answered(parcel: Parcel): boolean {
    const { channel } = parcel;
    const held = this.#channels.get(channel);
    if (held !== undefined && held.probe !== parcel) return false; // it was on its way before the channel was held
    this.#open.add(channel);
    this.#channels.delete(channel);
    if (held !== undefined && held.parcels.length > 0) this.#options.release(held.parcels);
    return true;
  }

  /** Lets go of everything. @returns what was held back. */
  clear(): Parcel[] {
    const held = [...this.#channels.values()];
    this.#channels.clear();
    for (const { timer } of held) clearTimeout(timer);
    return held.flatMap(({ parcels }) => parcels);
  }

  #tryAgain(held: Held): void {
    delete held.timer;
    held.probe = held.parcels.shift()!;
    held.messages -= held.probe.elements.length;
    this.#options.release([held.probe]);
  }

  #insert(held: Held, parcel: Parcel): void {
    held.parcels.push(parcel);
    held.parcels.sort((a, b) => a.elements[0]!.id - b.elements[0]!.id);
    held.messages += parcel.elements.length;
  }
}

function heldBehind(probe: Parcel | undefined): Held {
  return { parcels: [], messages: 0, probe, delayMs: 0 };
}
