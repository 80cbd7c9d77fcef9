// Runs in: main thread.
import { version } from "../../shared/version.ts";
import type { Verdict } from "../verdict.ts";
import { fault, type Finding, fine, warn, WITH_SUDO } from "./finding.ts";

export interface AgentFacts {
  root: string;
  /** Null when no agent answers. */
  verdict: Verdict | null;
  /** The PID of a process that holds the lock; null when nobody does. */
  pid: number | null;
  /** Why nobody knows whether there is such a process; null = that is known. */
  doubt: string | null;
}

export function judgeAgent({ root, verdict, pid, doubt }: AgentFacts): Finding {
  const check = "agent";
  if (verdict === null && doubt !== null) {
    return warn(check, `it cannot be seen whether one runs: ${doubt}`, WITH_SUDO);
  }
  if (verdict === null) {
    if (pid === null) return warn(check, "it does not run", `start it: ivy start --root ${root}`);
    return fault(check, `PID ${pid} runs but does not answer`, "wait a minute; if it stays so: ivy restart");
  }
  if (verdict.well) return fine(check, verdict.text);
  return fault(check, verdict.text, "see ivy status and: ivy logs --since 1h --level WARNING");
}

export interface ConfigFacts {
  file: string;
  /** What is wrong with it; empty when nothing is. */
  faults: string[];
  /** What it must say, but did not have to when it was written. */
  warnings: string[];
  /** Whose configuration it is instead, when another version is active and this one was never here. */
  other: string | undefined;
  launcher: string;
}

export function judgeConfig({ file, faults, warnings, other, launcher }: ConfigFacts): Finding {
  if (other !== undefined) {
    return warn(
      "configuration",
      `it is for Ivy ${other}, which is active here; this is ${version}`,
      `ask the active one: ${launcher} doctor`,
    );
  }
  if (faults.length === 0 && warnings.length > 0) {
    return warn("configuration", warnings.join("; "), `put it right in ${file}, then: ivy config validate`);
  }
  if (faults.length === 0) return fine("configuration", `${file} is valid`);
  return fault("configuration", faults.join("; "), `mend ${file}, then: ivy config validate`);
}

/** @param problem Why a store cannot write on this disk; undefined when it can. */
export function judgeStore(problem: string | undefined): Finding {
  if (problem === undefined) return fine("store", "it can write in its sandbox");
  return fault(
    "store",
    `nothing can be stored: ${problem}`,
    "see ivy logs --level ERROR, and whose the data folder is",
  );
}
