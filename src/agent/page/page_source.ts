// Runs in: main thread.
import type { LogEntry, SeriesAnswer, SeriesQuery } from "../../shared/protocol.ts";
import type { ConfigJson, StatusJson } from "./api.ts";
import type { Points } from "../store_host.ts";

/** What the page shows of a node. It only reads. */
export interface PageSource {
  status(): Promise<StatusJson>;
  /** Undefined while the store does not run. */
  series(query: SeriesQuery): Promise<SeriesAnswer | undefined>;
  config(): ConfigJson;
  /** The shared state: JSON text by field, and its place in the order of changes. */
  state(): { sequence: number; fields: Record<string, string> };
  /** Waits for a change after a place. @returns false when there will be none, or the signal aborted. */
  stateChangedSince(sequence: number, signal: AbortSignal): Promise<boolean>;
  /** Calls back for every log entry until the returned function is called. */
  watchLog(listener: (entry: LogEntry) => void): () => void;
  /** The same for new numbers; the store does no work for it unless somebody watches. */
  watchPoints(listener: (points: Points) => void): () => void;
  /** A text without secrets. */
  redact(text: string): string;
}
