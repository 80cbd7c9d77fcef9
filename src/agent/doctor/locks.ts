// Runs in: main thread.
import type { AgentStatus } from "../status.ts";
import type { WorkerLock } from "../worker_lock.ts";
import { fault, type Finding, fine, warn } from "./finding.ts";

/** The lock of each worker of the running agent, as its thread has told; null while it has not. */
export type LockFacts = Record<string, WorkerLock | null>;

/** @param status undefined when no agent answers: then there are no workers */
export function lockFacts(status: AgentStatus | undefined): LockFacts {
  if (status === undefined) return {};
  const workers = Object.entries({ ...status.procedures, ...status.backends, store: status.store });
  return Object.fromEntries(workers.map(([name, { lock }]) => [name, lock ?? null])); // none in a status of 0.1
}

const OPEN = "could read every file that Ivy's user may read";

export function judgeLocks(locks: LockFacts): Finding[] {
  const told = Object.entries(locks).flatMap(([name, lock]) => lock === null ? [] : [{ name, ...lock }]);
  const locked = told.filter(({ kind }) => kind !== "none" && kind !== "failed");
  return [
    ...(locked.length === 0 ? [] : [fine("sandbox", locked.map(describe).join("; "))]),
    ...told.flatMap(({ name, kind, detail }) => {
      if (kind === "none") {
        const advice = "grant it less, or use a kernel with Landlock: see README, Security model";
        return [warn("sandbox", `${name} has no lock and ${OPEN}: ${detail}`, advice)];
      }
      if (kind !== "failed") return [];
      return [
        fault("sandbox", `${name} could not be locked and ${OPEN}: ${detail}`, "report this to Ivy's makers"),
      ];
    }),
  ];
}

function describe({ name, kind, detail }: WorkerLock & { name: string }): string {
  const words = { seccomp: "seccomp", landlock: "Landlock", deno: "Deno", none: "", failed: "" };
  return `${name}: ${words[kind]}, ${detail}`;
}
