// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";

/** What the process says when it ends; see `ivy help` for the list. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  notRunning: 3,
  alreadyRunning: 75,
  invalidConfiguration: 78,
} as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a sentence for people (what happened, where, what to do) and an exit status. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly exitStatus: ExitStatus;
  constructor(message: string, exitStatus: ExitStatus = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitStatus = exitStatus;
  }
}

/**
 * Says what could not be done on this disk, why, and what to do about it.
 *
 * @param what For example `set up /data/ivy`.
 */
export function diskError(what: string, error: unknown): CommandError {
  return new CommandError(`cannot ${what}: ${sentenceOf(error)}. ${adviceFor(error)}`);
}

function adviceFor(error: unknown): string {
  if (error instanceof Deno.errors.PermissionDenied) return "Choose a --root that you may write to";
  if (/No space/.test(String(error))) return "Free some space on that disk";
  if (/Read-only/.test(String(error))) return "Mount that file system read-write, or choose another --root";
  return "Choose another --root";
}
