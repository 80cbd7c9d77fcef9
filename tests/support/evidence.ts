// Runs in: tests.
import type { Promises } from "./store_oracle.ts";

/**
 * What a program under test says of its store, one line for each fact: `a KEY` (the message is acknowledged), `r KEY`
 * (it is refused), `l BACKEND KEY` (leased), `s BACKEND ID` (settled for good), `log …` (a warning or an error).
 */
export class Evidence implements Promises {
  readonly acknowledged = new Set<string>();
  readonly refused = new Set<string>();
  /** Keys by backend. */
  readonly leased = new Map<string, Set<string>>();
  readonly settled = new Map<string, number[]>();
  readonly complaints: string[] = [];

  note(line: string): void {
    const [word, first = "", second = ""] = line.split(" ");
    if (word === "a") this.acknowledged.add(first);
    else if (word === "r") this.refused.add(first);
    else if (word === "l") this.leasedBy(first).add(second);
    else if (word === "s") this.settled.set(first, [...this.settled.get(first) ?? [], Number(second)]);
    else if (word === "log") this.complaints.push(line.slice(4));
  }

  /** Notes every whole line. */
  noteAll(text: string): this {
    text.split("\n").slice(0, -1).forEach((line) => this.note(line));
    return this;
  }

  leasedBy(backend: string): Set<string> {
    const leased = this.leased.get(backend) ?? new Set();
    this.leased.set(backend, leased);
    return leased;
  }
}
