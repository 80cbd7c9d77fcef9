// Runs in: backend worker.
import type { Logger } from "../shared/logger.ts";

/** Tells of channels that the server does not take now: one line when it begins, one when it is over. */
export interface HoldLog {
  held(channel: string, reason: string): void;
  taken(channel: string): void;
  /** For people: what is held back, and why; null = nothing. It outlasts a connection. */
  readonly text: string | null;
}

/** @param options.onChange Told when {@link HoldLog.text} has changed. */
export function createHoldLog({ logger, onChange }: { logger: Logger; onChange: () => void }): HoldLog {
  const reasons = new Map<string, string>();
  return {
    held(channel, reason) {
      if (reasons.get(channel) === reason) return;
      reasons.set(channel, reason);
      logger.warning(
        `the server does not take messages for ${channel} now: ${reason}; they stay in the outbox and are tried again`,
      );
      onChange();
    },
    taken(channel) {
      if (!reasons.delete(channel)) return;
      logger.info(`the server takes messages for ${channel} again`);
      onChange();
    },
    get text() {
      const each = [...reasons].map(([channel, reason]) => `${channel} (${reason})`);
      return each.length === 0 ? null : `holds back messages for ${each.join(", ")}`;
    },
  };
}
