// Runs in: backend worker.

/** So many connections in a row must break on the same message before it is looked at closely. */
const CAUTIOUS_AFTER = 3;
/** And so many before the next message is tried instead. */
const SET_ASIDE_AFTER = 5;

/**
 * Finds the message that makes a server hang up without a word: it is set aside, and parked once another one has
 * gone through. A server that hangs up on every message is not the fault of a message.
 */
export interface Suspicion {
  /** Messages travel alone, one at a time. */
  readonly isCautious: boolean;
  /** The message that is left out for now. */
  readonly setAsideId: number | undefined;
  /** The server hung up; `oldestId` was the oldest message that it had not answered. @returns true when it hangs up on any. */
  hungUp(oldestId: number): boolean;
  /** The server has taken a message. @returns the message to park, now that it is known to be the culprit. */
  accepted(): number | undefined;
}

export function createSuspicion(): Suspicion {
  let suspectId: number | undefined;
  let breaks = 0;
  let setAsideId: number | undefined;
  const clear = () => {
    suspectId = setAsideId = undefined;
    breaks = 0;
  };
  return {
    get isCautious() {
      return breaks >= CAUTIOUS_AFTER;
    },
    get setAsideId() {
      return setAsideId;
    },
    hungUp(oldestId) {
      if (setAsideId !== undefined) {
        clear();
        return true;
      }
      breaks = oldestId === suspectId ? breaks + 1 : 1;
      suspectId = oldestId;
      if (breaks >= SET_ASIDE_AFTER) setAsideId = oldestId;
      return false;
    },
    accepted() {
      const culprit = setAsideId;
      clear();
      return culprit;
    },
  };
}

/** Why such a message is parked. */
export const HANGS_UP = `the server closes the connection when it gets it (${SET_ASIDE_AFTER} times)`;
