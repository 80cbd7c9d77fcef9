// Runs in: tests.
import type { AgentProcess } from "../support/agent_process.ts";
import { type DayLine, readDays, type StoredDays } from "../support/stored_days.ts";
import type { Recorder } from "./recorders.ts";

/** Numbers of one life of a witness, see witness.ts. */
const lifeOf = (n: number) => Math.floor(n / 100_000_000);

/**
 * Knows only what witnesses saw resolve, what lies in the daily files, and what servers have written down; none of the
 * agent's code. What it finds is a sentence for each broken promise.
 */
export class Oracle {
  readonly resolved = new Set<number>();
  readonly refused = new Set<number>();
  /** Witnesses' numbers that stood in files which a person took away, once each. */
  readonly taken = new Set<number>();
  /** When the last one resolved, by `performance.now()`. */
  lastResolvedMs = performance.now();
  #read = new WeakMap<AgentProcess, number>();
  #lastId = 0;

  /** Notes what an agent's witnesses have said since it was last listened to. */
  listen(agent: AgentProcess): void {
    const { text } = agent.output;
    const start = this.#read.get(agent) ?? 0;
    const end = text.lastIndexOf("\n") + 1;
    this.#read.set(agent, Math.max(start, end));
    for (const line of text.slice(start, end).split("\n")) {
      const [word, n] = line.split(" ");
      if (word === "a") this.#resolve(Number(n));
      else if (word === "r") this.refused.add(Number(n));
    }
  }

  #resolve(n: number): void {
    this.resolved.add(n);
    this.lastResolvedMs = performance.now();
  }

  /** A person takes a file or a folder away: what stood in it has had its place. */
  take(lines: DayLine[]): void {
    for (const line of lines) {
      const n = numberOf(line);
      if (n !== undefined) this.taken.add(n);
    }
  }

  /** Judges the daily files, while the agent runs or not. @param resolved what must stand there */
  faultsOfFiles(folder: string, resolved: number[]): string[] {
    const { lines, faults } = daysIn(folder);
    const places = new Map<number, number>();
    const lastOfLife = new Map<number, number>();
    let lastId = 0;
    for (const line of lines.toSorted((a, b) => a.message.id - b.message.id)) {
      const { id } = line.message;
      if (id === lastId) faults.push(`the id ${id} stands in two lines`);
      lastId = id;
      const n = numberOf(line);
      if (n === undefined) continue;
      if (places.has(n)) faults.push(`${n} is stored twice, as ${places.get(n)} and ${id}`);
      places.set(n, id);
      const before = lastOfLife.get(lifeOf(n)) ?? 0;
      if (n < before) faults.push(`${n} is stored after ${before} of the same life`);
      lastOfLife.set(lifeOf(n), n);
    }
    if (lastId < this.#lastId && this.taken.size === 0) {
      faults.push(`the last id was ${this.#lastId}, and is ${lastId}`);
    }
    this.#lastId = Math.max(this.#lastId, lastId);
    const lost = resolved.filter((n) => !places.has(n) && !this.taken.has(n));
    return [...faults, ...summary(lost, "was acknowledged, and stands in no daily file")];
  }

  /**
   * What a server lacks of what had been resolved at a moment, and what it got out of order.
   *
   * @param excused how many the node itself says that it has given up for this server
   */
  faultsAt({ provider, accepted }: Recorder, wanted: Iterable<number>, excused: number): string[] {
    const first = new Set(accepted());
    const lost = [...wanted].filter((n) => !first.has(n) && !this.taken.has(n));
    const faults: string[] = [];
    const lastOfLife = new Map<number, number>();
    for (const n of first) { // a set keeps the order of first arrivals
      const before = lastOfLife.get(lifeOf(n)) ?? 0;
      if (n < before) faults.push(`${provider} got ${n} after ${before} of the same life`);
      lastOfLife.set(lifeOf(n), n);
    }
    return [
      ...faults.slice(0, 5),
      ...(lost.length > excused ? summary(lost, `never came to ${provider}`) : []),
    ];
  }
}

/** What a folder of daily files holds; nothing when there is no such folder. */
export function daysIn(folder: string): StoredDays {
  try {
    return readDays(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { lines: [], faults: [] };
    }
    throw error;
  }
}

function numberOf({ message: { message_body: body } }: DayLine): number | undefined {
  return body.variant === "data" && typeof body.data["n"] === "number" ? body.data["n"] : undefined;
}

function summary(numbers: number[], what: string): string[] {
  if (numbers.length === 0) return [];
  return [
    `${numbers.length} measurements: ${numbers.slice(0, 3).join(", ")}${
      numbers.length > 3 ? " …" : ""
    } ${what}`,
  ];
}
