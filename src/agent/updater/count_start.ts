// Runs in: main thread.
import { parseJson } from "../../shared/json.ts";
import { readIfThere } from "../files.ts";
import type { Paths } from "../paths.ts";
import { readJournal, removeJournal, writeJournal } from "./journal.ts";
import { restorePrevious } from "./reconfigure.ts";
import { Revisions } from "./revisions.ts";

/** After so many starts without success a new configuration is given up. */
const MAX_STARTS = 3;

/**
 * To be called before the configuration is read: counts the starts of one that has not proved itself, and goes back to
 * the previous one when there were too many.
 *
 * @returns what was done, for the person who looks on.
 */
export function countStart(paths: Paths): string | undefined {
  const journal = readJournal(paths.reconfiguration);
  if (journal === undefined) return undefined;
  if (journal.starts < MAX_STARTS) {
    writeJournal(paths.reconfiguration, { ...journal, starts: journal.starts + 1 });
    return undefined;
  }
  const reason = `the agent was started ${MAX_STARTS} times with it and did not stay up`;
  new Revisions(paths).reject(journal.revision, reason);
  restorePrevious(paths);
  removeJournal(paths.reconfiguration);
  return `configuration ${journal.revision} is given up: ${reason}; the previous one is used again`;
}

/** The raw configuration that ran before one that has not proved itself yet; undefined when there is none. */
export function previousWhileWatched(paths: Paths): unknown {
  if (readJournal(paths.reconfiguration) === undefined) return undefined;
  try {
    return parseJson(readIfThere(paths.previousConfigFile) ?? "");
  } catch {
    return undefined; // it is only asked for names that need not be let go of yet
  }
}
