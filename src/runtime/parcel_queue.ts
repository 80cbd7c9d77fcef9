// Runs in: backend worker.
import type { Parcel } from "./parcels.ts";

/** Used-up places at the front are cut off when there are so many. */
const MAX_USED = 1000;

/** Parcels that wait to be sent, first in, first out; taking one costs the same however many there are. */
export class ParcelQueue {
  #parcels: Parcel[] = [];
  #used = 0;
  /** How many messages wait. */
  messages = 0;

  get first(): Parcel | undefined {
    return this.#parcels[this.#used];
  }

  shift(): void {
    const parcel = this.first;
    if (parcel === undefined) return;
    this.messages -= parcel.elements.length;
    if (++this.#used >= MAX_USED || this.#used === this.#parcels.length) this.#cut();
  }

  push(parcels: Parcel[]): void {
    for (const parcel of parcels) this.#parcels.push(parcel);
    this.#count(parcels);
  }

  unshift(parcels: Parcel[]): void {
    this.#cut();
    this.#parcels.unshift(...parcels);
    this.#count(parcels);
  }

  /** Lets go of everything. @returns what waited. */
  clear(): Parcel[] {
    this.#cut();
    this.messages = 0;
    return this.#parcels.splice(0);
  }

  #count(parcels: Parcel[]): void {
    for (const { elements } of parcels) this.messages += elements.length;
  }

  #cut(): void {
    this.#parcels.splice(0, this.#used);
    this.#used = 0;
  }
}
