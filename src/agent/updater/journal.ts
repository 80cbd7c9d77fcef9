// Runs in: main thread.
import { dirname } from "@std/path";
import { readIfThere, replaceFile, syncFolder } from "../files.ts";

/** A new configuration that has not proved itself yet. Lies on the disk from before the change until its end. */
export interface ReconfigurationJournal {
  revision: number;
  /** What worked before, and therefore must work again. */
  before: Health;
  /** How often the agent has been started since. */
  starts: number;
}

/** Which workers do their work. */
export interface Health {
  /** Procedures that run. */
  procedures: string[];
  /** Backends that are connected. */
  backends: string[];
}

/** @returns undefined when no reconfiguration is under way; a damaged journal counts as one without any demands. */
export function readJournal(path: string): ReconfigurationJournal | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ReconfigurationJournal;
  } catch {
    return { revision: -1, before: { procedures: [], backends: [] }, starts: 0 };
  }
}

export function writeJournal(path: string, journal: ReconfigurationJournal): void {
  replaceFile(path, `${JSON.stringify(journal)}\n`);
}

export function removeJournal(path: string): void {
  try {
    Deno.removeSync(path);
    syncFolder(dirname(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
