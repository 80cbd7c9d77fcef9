// Runs in: backend worker.
import { firstToAnswer } from "./first_to_answer.ts";

/** How long one of several addresses may take to let us in at first, in milliseconds; it doubles when all were too slow. */
const FIRST_LIMIT_MS = 2000;
const LAST_LIMIT_MS = 30_000;

export interface AddressChoiceOptions {
  /** Those of the server's name, as far as they are known. */
  addresses: readonly string[];
  port: number;
  /** The server has spoken: another address would say the same. Default: never. */
  isFinal?: (error: Error) => boolean;
  /** Makes one error of what became of each address. Default: the last one. */
  sumUp?: (errors: Error[]) => Error;
}

/**
 * Enters a server that has several addresses, of which some may be dead: refuse, be silent, or take a connection and say
 * nothing more. What has failed last is tried last.
 */
export class AddressChoice {
  #options: AddressChoiceOptions;
  #order: string[];
  #limitMs = FIRST_LIMIT_MS;

  constructor(options: AddressChoiceOptions) {
    this.#options = options;
    this.#order = [...options.addresses];
  }

  /**
   * @param enter Gets an address (undefined = go by the name: there is nothing to choose), and how long it may take.
   * @throws what `enter` has thrown, when no address lets us in.
   */
  async enter<T>(
    enter: (address: string | undefined, limitMs: number) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (this.#order.length < 2) return await enter(undefined, LAST_LIMIT_MS);
    const errors: Error[] = [];
    for (let left = [...this.#order]; left.length > 0;) {
      let address: string | undefined;
      try {
        address = await firstToAnswer(left, this.#options.port, signal);
        const entered = await enter(address, this.#limitMs);
        this.#order = [address, ...this.#order.filter((other) => other !== address)];
        return entered;
      } catch (error) {
        errors.push(error as Error);
        if (address === undefined || signal.aborted || this.#options.isFinal?.(error as Error)) break;
        this.#order = [...this.#order.filter((other) => other !== address), address];
        left = left.filter((other) => other !== address);
      }
    }
    this.#limitMs = Math.min(LAST_LIMIT_MS, this.#limitMs * 2);
    throw this.#options.sumUp?.(errors) ?? errors.at(-1)!;
  }
}
