// Runs in: tests.
import { join } from "@std/path";
import { sentenceOf } from "../../src/shared/errors.ts";
import { VARIANTS } from "../../src/shared/message.ts";
import { Evidence } from "./evidence.ts";
import { keyOf, readDays } from "./stored_days.ts";
import { findFaults } from "./store_oracle.ts";
import {
  append,
  BACKENDS,
  BEFORE,
  drain,
  keyOfSequence,
  type LifeOptions,
  live,
  openAt,
  type Phase,
  variantOfSequence,
} from "./workload.ts";

/** Lives the life before the workload. @returns what was promised meanwhile. */
export async function prepare(directory: string): Promise<Evidence> {
  const evidence = new Evidence();
  await Deno.mkdir(directory, { recursive: true });
  await live(BEFORE, { directory, retentionDays: null, say: (line) => evidence.note(line) });
  return evidence;
}

/**
 * What whoever supervises the store does after a crash: opens it again, sends again what was not answered, lets the
 * backends fetch what waits. Then judges.
 *
 * @param phases the workload that has crashed
 * @param evidence what was promised until then; what is promised now is added
 * @param before what was promised before the workload
 * @returns what is wrong; none when nothing is.
 */
export async function judgeAfterCrash(
  life: Omit<LifeOptions, "say">,
  phases: Phase[],
  evidence: Evidence,
  before: Evidence,
): Promise<string[]> {
  const options = { ...life, say: (line: string) => evidence.note(line) };
  const failures: unknown[] = [];
  try {
    await recover(options, phases, evidence, (error) => failures.push(error));
  } catch (error) {
    failures.push(error);
  }
  if (failures.length > 0) return failures.map((error) => `the store does not recover: ${sentenceOf(error)}`);
  return [...judge(options, phases, evidence, before), ...notHandedOut(options, evidence, before)];
}

async function recover(
  options: LifeOptions,
  phases: Phase[],
  evidence: Evidence,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const store = await openAt({ nowMs: phases.at(-1)!.nowMs }, options, onFailure);
  const lastSequence = phases.at(-1)!.commits.at(-1)!.to;
  for (let sequence = phases[0]!.commits[0]!.from; sequence <= lastSequence; sequence++) {
    if (isAnswered(keyOfSequence(sequence), evidence)) continue;
    await append(store, sequence, sequence, options.say);
  }
  for (const backend of BACKENDS) await drain(store, backend, options.say);
  await store.close();
}

function isAnswered(key: string, { acknowledged, refused }: Evidence): boolean {
  return acknowledged.has(key) || refused.has(key);
}

/** The day before the workload may be gone, as its retention demands. */
function judge(
  { directory }: LifeOptions,
  phases: Phase[],
  evidence: Evidence,
  before: Evidence,
): string[] {
  const dayBefore = new Date(BEFORE.nowMs).toISOString().slice(0, 10);
  const files = [...Deno.readDirSync(join(directory, "messages"))];
  const isThere = files.some(({ name }) => name.startsWith(`${dayBefore}.jsonl`) && !name.endsWith(".tmp"));
  const gone = isThere ? [] : [...before.acknowledged].map((key) => variantOfSequence(Number(key.slice(1))));
  return findFaults(directory, {
    acknowledged: [...evidence.acknowledged, ...(isThere ? before.acknowledged : [])],
    sent: [...before.acknowledged, ...keysOf(phases)],
    settled: evidence.settled,
    removed: Object.fromEntries(
      VARIANTS.map((variant) => [variant, gone.filter((each) => each === variant).length]),
    ),
  });
}

function keysOf(phases: Phase[]): string[] {
  return phases.flatMap(({ commits }) => commits)
    .flatMap(({ from, to }) =>
      Array.from({ length: to - from + 1 }, (_, index) => keyOfSequence(from + index))
    );
}

/** At least once: every stored message has been leased by every backend, now or earlier. */
function notHandedOut({ directory }: LifeOptions, evidence: Evidence, before: Evidence): string[] {
  const { lines } = readDays(join(directory, "messages"));
  return BACKENDS.flatMap((backend) => {
    const leased = new Set([...evidence.leasedBy(backend), ...before.leasedBy(backend)]);
    return lines.map(({ message }) => keyOf(message.message_body)!).filter((key) => !leased.has(key))
      .map((key) => `${key} was never handed to "${backend}"`);
  });
}
