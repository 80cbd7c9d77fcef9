// Runs in: backend worker.
import type { Logger } from "../shared/logger.ts";

/** How many different reasons are remembered. */
const MAX_REASONS = 100;

/** Logs the first message of each cause that is parked; the others are counted by the store. */
export function createParkLog(logger: Logger): (id: number, reason: string) => void {
  const known = new Set<string>();
  return (id, reason) => {
    if (known.has(reason) || known.size >= MAX_REASONS) return;
    known.add(reason);
    logger.warning(
      `message ${id} cannot be sent and was parked: ${reason}. Further ones of this kind are only counted`,
    );
  };
}
