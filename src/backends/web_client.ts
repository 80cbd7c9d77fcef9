// Runs in: backend worker.
import { AddressChoice } from "./address_choice.ts";
import { fetchAt, type RequestAt } from "./fetch_at.ts";

/** How long `fetch` may take at first, where the name has several addresses, in milliseconds; it doubles when all fail. */
const FIRST_LIMIT_MS = 2500;
const LAST_LIMIT_MS = 30_000;

type Ask = (limit: AbortSignal) => Promise<Response>;

/**
 * Speaks to one web server. `fetch` goes past an address that refuses, but not past one that is silent: then each
 * address is tried.
 */
export class WebClient {
  #choice: AddressChoice;
  #hasChoice: boolean;
  #limitMs = FIRST_LIMIT_MS;
  /** Where the server was found; undefined = by its name. */
  #address: string | undefined;

  /** @param addresses those of names, as a backend gets them */
  constructor(url: string, addresses: Readonly<Record<string, string[]>>) {
    const { hostname, port, protocol } = new URL(url);
    const own = addresses[hostname] ?? [];
    this.#hasChoice = own.length > 1;
    this.#choice = new AddressChoice({
      addresses: own,
      port: Number(port || (protocol === "https:" ? 443 : 80)),
    });
  }

  /**
   * Finds the way on which `ask` gets an answer; what is asked from then on goes the same way.
   *
   * @param ask makes one request with {@link fetch}, and gives it up when the signal aborts: no answer has begun in time
   * @throws what `ask` has thrown first, when it gets none on any way.
   */
  async find(ask: Ask, signal: AbortSignal): Promise<Response> {
    if (!this.#hasChoice) return await within(LAST_LIMIT_MS, ask);
    const errors: unknown[] = [];
    const byName = this.#address === undefined;
    for (const way of [byName, !byName]) {
      try {
        return way ? await this.#askByName(ask) : await this.#askByAddress(ask, signal);
      } catch (error) {
        errors.push(error);
        if (signal.aborted) break;
      }
    }
    this.#limitMs = Math.min(LAST_LIMIT_MS, this.#limitMs * 2);
    throw errors[0];
  }

  /** As `fetch`, without redirects. */
  fetch(url: string, request: RequestAt): Promise<Response> {
    if (this.#address !== undefined) return fetchAt(this.#address, url, request);
    return fetch(url, { ...request, redirect: "error" });
  }

  #askByName(ask: Ask): Promise<Response> {
    this.#address = undefined;
    return within(this.#limitMs, ask);
  }

  #askByAddress(ask: Ask, signal: AbortSignal): Promise<Response> {
    return this.#choice.enter((address, limitMs) => {
      this.#address = address;
      return within(limitMs, ask);
    }, signal);
  }
}

async function within(limitMs: number, ask: Ask): Promise<Response> {
  const limit = new AbortController();
  const late = new Error(`no answer within ${limitMs / 1000} s`);
  const timer = setTimeout(() => limit.abort(late), limitMs);
  try {
    return await ask(limit.signal);
  } finally {
    clearTimeout(timer);
  }
}
