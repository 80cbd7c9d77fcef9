// Runs in: main thread.
import { defaultTexts, type StateFields } from "../shared/state_fields.ts";
import { version } from "../shared/version.ts";
import { exists } from "./paths.ts";
import { StateFile, type StoredState } from "./state_file.ts";
import { fitStored } from "./state_fit.ts";

/** The shared state as the last agent left it. */
export interface SavedState {
  state: Record<string, unknown>;
  /** Unix milliseconds; null when it is not known. */
  savedMs: number | null;
}

/**
 * Reads the snapshot of an agent that does not run, as the next start would restore it.
 *
 * @returns undefined when there is none.
 * @throws {Error} when it cannot be read.
 */
export async function readSavedState(path: string, fields: StateFields): Promise<SavedState | undefined> {
  if (!exists(path)) return undefined;
  try {
    const stored = await readStateFile(path);
    const { savedMs } = stored;
    const texts = { ...defaultTexts(fields), ...fitStored(stored, fields, version).texts };
    const state = Object.entries(texts).map(([name, text]) => [name, JSON.parse(text)]);
    return { state: Object.fromEntries(state), savedMs };
  } catch (error) {
    throw new Error(`the saved state, ${path}, cannot be read`, { cause: error });
  }
}

async function readStateFile(path: string): Promise<StoredState> {
  const file = await StateFile.open(path);
  try {
    return await file.read();
  } finally {
    file.close();
  }
}
