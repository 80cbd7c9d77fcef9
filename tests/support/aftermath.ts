// Runs in: tests.
import { join } from "@std/path";
import { sentenceOf } from "../../src/shared/errors.ts";
import { VARIANTS } from "../../src/shared/message.ts";
import { Evidence } from "./evidence.ts";
import { readDays } from "./stored_days.ts";
import { findFaults } from "./store_oracle.ts";
import {
  append,
  BACKENDS,
  BEFORE,
  drain,
  keyOfSequence,
  live,
  openAt,
  type Phase,
  variantOfSequence,
} from "./workload.ts";

/** A folder in which the workload can begin, and what was promised while it was made. */
export interface Beginning {
  directory: string;
  evidence: Evidence;
}

/** Lives the life before the workload. */
export async function prepare(directory: string): Promise<Beginning> {
  const evidence = new Evidence();
  await Deno.mkdir(directory, { recursive: true });
  await live(BEFORE, { directory, say: (line) => evidence.note(line) });
  return { directory, evidence };
}

/**
 * What whoever supervises the store does after a crash: opens it again, sends again what was not answered, lets the
 * backends fetch what waits. Then judges.
 *
 * @param phases the workload that has crashed
 * @param evidence what was promised until then
 * @param before what was promised before the workload
 * @returns what is wrong; none when nothing is.
 */
export async function judgeAfterCrash(
  directory: string,
  phases: Phase[],
  evidence: Evidence,
  before = new Evidence(),
): Promise<string[]> {
  const say = (line: string) => evidence.note(line);
  const failures: unknown[] = [];
  try {
    const store = await openAt(phases.at(-1)!.nowMs, { directory, say }, (error) => failures.push(error));
    const lastSequence = phases.at(-1)!.commits.at(-1)!.to;
    const firstSequence = phases[0]!.commits[0]!.from;
    for (let sequence = firstSequence; sequence <= lastSequence; sequence++) {
      if (isAnswered(keyOfSequence(sequence), evidence)) continue;
      await append(store, sequence, sequence, say);
    }
    for (const backend of BACKENDS) await drain(store, backend, say);
    await store.close();
  } catch (error) {
    failures.push(error);
  }
  if (failures.length > 0) return failures.map((error) => `the store does not recover: ${sentenceOf(error)}`);
  return [...judge(directory, phases, evidence, before), ...notHandedOut(directory, evidence, before)];
}

function isAnswered(key: string, { acknowledged, refused }: Evidence): boolean {
  return acknowledged.has(key) || refused.has(key);
}

/** The day before the workload may be gone, as its retention demands. */
function judge(directory: string, phases: Phase[], evidence: Evidence, before: Evidence): string[] {
  const dayBefore = new Date(BEFORE.nowMs).toISOString().slice(0, 10);
  const isThere = [...Deno.readDirSync(join(directory, "messages"))].some(({ name }) => name.startsWith(dayBefore));
  const gone = isThere ? [] : [...before.acknowledged];
  const removed = Object.fromEntries(VARIANTS.map((variant) => [
    variant,
    gone.filter((key) => variantOfSequence(Number(key.slice(1))) === variant).length,
  ]));
  return findFaults(directory, {
    acknowledged: [...evidence.acknowledged, ...(isThere ? before.acknowledged : [])],
    sent: [...before.acknowledged, ...keysOf(phases)],
    settled: evidence.settled,
    removed,
  });
}

function keysOf(phases: Phase[]): string[] {
  return phases.flatMap(({ commits }) => commits)
    .flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => keyOfSequence(from + index)));
}

/** At least once: every stored message has been leased by every backend, now or earlier. */
function notHandedOut(directory: string, evidence: Evidence, before: Evidence): string[] {
  const { lines } = readDays(join(directory, "messages"));
  return BACKENDS.flatMap((backend) => {
    const leased = [evidence, before].flatMap((each) => [...each.leased.get(backend) ?? []]);
    return lines.filter(({ message: { id } }) => !leased.includes(id))
      .map(({ message: { id } }) => `id ${id} was never handed to "${backend}"`);
  });
}
