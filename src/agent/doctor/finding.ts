// Runs in: main thread.
import { ROOTS_LAUNCHER } from "../service/machine.ts";

/** What one look at the node has shown. */
export interface Finding {
  /** What was looked at, for example `clock`. */
  check: string;
  verdict: "ok" | "warning" | "fault";
  found: string;
  /** What to do; null when there is nothing to do. */
  advice: string | null;
}

export function fine(check: string, found: string): Finding {
  return { check, verdict: "ok", found, advice: null };
}

export function warn(check: string, found: string, advice: string): Finding {
  return { check, verdict: "warning", found, advice };
}

export function fault(check: string, found: string, advice: string): Finding {
  return { check, verdict: "fault", found, advice };
}

/** What to do about what an ordinary user may not see. */
export const WITH_SUDO = `run it with sudo: ${ROOTS_LAUNCHER} doctor`;

/** A command of the system that changes nothing. */
export type Question = readonly [program: string, ...args: string[]];

/** What the checks see of the machine; tests pass one of their own. */
export interface Surroundings {
  /** The text of a file; undefined when it is missing or may not be read. */
  read(path: string): string | undefined;
  /** What a program of the system printed; undefined when it is missing or failed. */
  ask(command: Question): Promise<string | undefined>;
}
