// Runs in: main thread.

/** How a node may be addressed. Any other name may be a stranger's that was made to lead here (DNS rebinding). */
export class AllowedHosts {
  #names: Set<string>;
  /** Every address of the machine is served: whoever names one of them as numbers asked no name server. */
  #allowAddresses: boolean;

  /**
   * @param host That the page is served on.
   * @param machine The machine's own name.
   */
  constructor(host: string, machine: string) {
    this.#allowAddresses = host === "0.0.0.0" || host === "::";
    const own = this.#allowAddresses ? [machine, `${machine}.local`] : [host];
    this.#names = new Set(["localhost", "127.0.0.1", "::1", ...own].map((name) => name.toLowerCase()));
  }

  /** @param hostname As `URL` has it: lower case, IPv6 in brackets. The port does not count: a tunnel has another one. */
  allows(hostname: string): boolean {
    const name = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
    if (this.#names.has(name)) return true;
    return this.#allowAddresses && (name.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name));
  }
}
