// Runs in: release worker.

/** A release that cannot be had. */
export class ReleaseError extends Error {
  override name = "ReleaseError";
  /** True when time may mend it (no network, not there yet), false when the release itself is not right. */
  readonly mayMend: boolean;
  constructor(message: string, { mayMend, cause }: { mayMend: boolean; cause?: unknown }) {
    super(message, cause === undefined ? {} : { cause });
    this.mayMend = mayMend;
  }
}

/** The server cannot send a part of a file. */
export class NoRangesError extends ReleaseError {
  override name = "NoRangesError";
}
