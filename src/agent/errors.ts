// Runs in: main thread.

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
