// Runs in: backend worker.
import type { Logger } from "../shared/logger.ts";
import { formatDuration } from "../shared/time.ts";

/** So many connections in a row that the server cuts short are worth a line of their own. */
const FLAPS = 5;

/** Tells of connections and outages: one line per new reason, not one per attempt. */
export interface OutageLog {
  connected(description: string): void;
  /** @param wasConnected There had been a connection. */
  failed(reason: string, wasConnected: boolean, nextAttemptMs: number): void;
  /** The server has ended a connection soon after it began. */
  cutShort(hint: string | undefined): void;
  /** A connection held long enough. */
  held(): void;
}

/** @param options.monotonic Milliseconds that never jump. */
export function createOutageLog(
  { logger, monotonic }: { logger: Logger; monotonic: () => number },
): OutageLog {
  let lastReason: string | undefined;
  let sinceMs: number | undefined;
  let cutShort = 0;
  return {
    cutShort(hint) {
      if (++cutShort !== FLAPS) return;
      const what = `the server has ended ${FLAPS} connections in a row soon after they began`;
      logger.warning(hint === undefined ? what : `${what}; ${hint}`);
    },
    held: () => void (cutShort = 0),
    connected(description) {
      const after = sinceMs === undefined ? "" : ` again, after ${formatDuration(monotonic() - sinceMs)}`;
      logger.info(`connected to ${description}${after}`);
      sinceMs = undefined;
    },
    failed(reason, wasConnected, nextAttemptMs) {
      sinceMs ??= monotonic();
      const what = wasConnected ? "connection lost" : "not connected";
      const line = `${what}: ${reason}; next attempt in ${formatDuration(nextAttemptMs)}`;
      if (reason === lastReason) logger.debug(line);
      else logger.warning(line);
      lastReason = reason;
    },
  };
}
