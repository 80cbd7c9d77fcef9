// Runs in: main thread.
import type { Points, StoreHost } from "./store_host.ts";

/** Tells of new numbers whoever wants to know; the store does the work only while somebody does. */
export class PointWatch {
  #store: () => StoreHost;
  #listeners = new Set<(points: Points) => void>();

  /** @param store the present one */
  constructor(store: () => StoreHost) {
    this.#store = store;
  }

  /** Calls back until the returned function is called. */
  watch(listener: (points: Points) => void): () => void {
    this.#listeners.add(listener);
    this.renew();
    return () => {
      this.#listeners.delete(listener);
      this.renew();
    };
  }

  tell(points: Points): void {
    for (const listener of this.#listeners) listener(points);
  }

  /** There may be another store, which knows of nobody. */
  renew(): void {
    this.#store().watchPoints(this.#listeners.size > 0);
  }
}
