// Runs in: main thread.
import { withLimit } from "../shared/time.ts";
import { type Addresses, type ResolveName, resolveName, resolveNames } from "./addresses.ts";

/** How long a worker's start waits for its addresses, in milliseconds: without them it starts with the name alone. */
const START_LIMIT_MS = 500;
/** How long the system may take to resolve a name, in milliseconds. */
const LOOK_LIMIT_MS = 20_000;
/** Least time between two looks, in milliseconds. */
const PAUSE_MS = 10_000;

export interface AddressWatchOptions {
  names: string[];
  resolve?: ResolveName;
  /** Told of every look that has found something. */
  onFound: (addresses: Addresses) => void;
  /** Milliseconds that never jump. */
  monotonic?: () => number;
}

/** Knows the addresses of a few names, and looks again when somebody could not be reached. */
export class AddressWatch {
  /** As last found; a name that cannot be resolved any more keeps its addresses. */
  addresses: Addresses = {};
  #options: AddressWatchOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLooking = false;
  #isOver = false;
  #lookedMs = -Infinity;

  constructor(options: AddressWatchOptions) {
    this.#options = options;
  }

  /** Looks for the first time. Resolves soon, whether there is an answer or not: a late one is told all the same. */
  async start(): Promise<void> {
    this.#isOver = false;
    if (this.#options.names.length === 0) return;
    await withLimit(this.#look(), START_LIMIT_MS, undefined);
  }

  /** Looks again, at once or when the last time is long enough ago. */
  again(): void {
    if (this.#options.names.length === 0 || this.#isLooking || this.#timer !== undefined) return;
    const waitMs = this.#lookedMs + PAUSE_MS - this.#nowMs();
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, waitMs));
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#isLooking = true;
    const { names, resolve = resolveName, onFound } = this.#options;
    const found = await resolveNames(names, resolve, LOOK_LIMIT_MS);
    this.#isLooking = false;
    this.#lookedMs = this.#nowMs();
    this.addresses = { ...this.addresses, ...found };
    if (!this.#isOver && Object.keys(found).length > 0) onFound(found);
  }

  #nowMs(): number {
    return (this.#options.monotonic ?? (() => performance.now()))();
  }
}
