// Runs in: main thread.

/** How many wrong tokens may come at once. */
const BURST = 10;
/** After how long another one may come, in milliseconds. */
const REFILL_MS = 2000;
/** How many senders are known by name; who has so many addresses is not slowed down by counting. */
const MAX_SENDERS = 1000;

/** Counts wrong tokens by who sends them: a counter each, which is refilled slowly. */
export class Attempts {
  #now: () => number;
  /** In the order of their last wrong token. */
  #senders = new Map<string, { left: number; refilledMs: number }>();

  /** @param now Milliseconds that never jump. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True while this address has not sent too many. */
  areAllowed(address: string): boolean {
    const sender = this.#refilled(senderOf(address));
    return sender === undefined || sender.left > 0;
  }

  /** A wrong token has come. */
  countFailure(address: string): void {
    const name = senderOf(address);
    const { left, refilledMs } = this.#refilled(name) ?? { left: BURST, refilledMs: this.#now() };
    this.#senders.delete(name);
    this.#senders.set(name, { left: Math.max(0, left - 1), refilledMs });
    if (this.#senders.size > MAX_SENDERS) this.#senders.delete(this.#senders.keys().next().value!);
  }

  #refilled(name: string): { left: number; refilledMs: number } | undefined {
    const sender = this.#senders.get(name);
    if (sender === undefined) return undefined;
    const refills = Math.floor((this.#now() - sender.refilledMs) / REFILL_MS);
    sender.left = Math.min(BURST, sender.left + refills);
    sender.refilledMs += refills * REFILL_MS;
    return sender;
  }
}

/** Who has one IPv6 address has all of its /64; IPv4 in the clothes of IPv6 is IPv4. */
function senderOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.replace(/%.*$/, "").toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const known = tail === undefined ? groups : [
    ...groups,
    ...Array(Math.max(0, 8 - groups.length - (tail === "" ? 0 : tail.split(":").length))).fill("0"),
    ...(tail === "" ? [] : tail.split(":")),
  ];
  return known.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}
