// Runs in: any thread.
import { createHash } from "node:crypto";
import { FloodGuard } from "./flood_guard.ts";
import type { StateBroadcast, StateDelta } from "./protocol.ts";
import { decodeStateBroadcast } from "./state_decoders.ts";

/** How many broadcasts may wait for main's word, and how many words for their broadcast: the newest ones. */
const MAX_WAITING = 64;

/** Names one change of the state: two deltas with the same digest are the same. */
export function digestOf({ since, sequence, fields }: StateDelta): string {
  return createHash("sha256").update(JSON.stringify([since, sequence, Object.entries(fields)])).digest(
    "base64",
  );
}

/**
 * Sorts main's broadcasts from those that anybody else makes: every worker that shares the state may send on the channel.
 * A broadcast counts when main has named its digest on the worker's own port, whichever comes first. What never gets its
 * word is forgotten.
 */
export class StateBroadcasts {
  #onProven: (delta: StateDelta) => void;
  #heard: StateDelta[] = [];
  #digests = new Map<number, string>();
  #flood = new FloodGuard(() => performance.now());
  #isFlooded = false;

  constructor(onProven: (delta: StateDelta) => void) {
    this.#onProven = onProven;
  }

  /** Takes whatever came on the channel; never throws. A flood of it is listened to no more: the port still tells all. */
  receive(data: unknown): void {
    if (this.#isFlooded) return;
    let broadcast: StateBroadcast;
    try {
      this.#flood.count();
    } catch {
      this.#isFlooded = true;
      this.#heard = [];
      return;
    }
    try {
      broadcast = decodeStateBroadcast(data);
    } catch {
      return; // main sends nothing of the kind
    }
    const { delta } = broadcast;
    const digest = this.#digests.get(delta.sequence);
    if (digest === undefined) {
      if (this.#heard.push(delta) > MAX_WAITING) this.#heard.shift();
    } else if (digest === digestOf(delta)) this.#take(delta);
  }

  /** Main says by the port which change it has broadcast. */
  confirm(sequence: number, digest: string): void {
    const proven = this.#heard.find((delta) => delta.sequence === sequence && digestOf(delta) === digest);
    if (proven !== undefined) return this.#take(proven);
    this.#digests.set(sequence, digest);
    if (this.#digests.size > MAX_WAITING) this.#digests.delete(this.#digests.keys().next().value!);
  }

  #take(delta: StateDelta): void {
    this.#heard = this.#heard.filter(({ sequence }) => sequence > delta.sequence);
    for (const sequence of this.#digests.keys()) {
      if (sequence <= delta.sequence) this.#digests.delete(sequence);
    }
    this.#onProven(delta);
  }
}
