// Runs in: main thread.
import { formatBytes, pause } from "../../shared/time.ts";
import type { Health } from "./journal.ts";

/** What can be seen of the workers while a new configuration proves itself. */
export interface Vitals {
  /** Sentences about procedures that have failed since a moment (Unix milliseconds), by name. */
  failures(sinceMs: number): Record<string, string>;
  health(): Health;
  /** A sentence about an error of the main thread that nobody has caught since a moment (Unix milliseconds). */
  fault(sinceMs: number): string | undefined;
}

export interface WatchOptions {
  vitals: Vitals;
  /** What worked before. */
  before: Health;
  /** Names in the new configuration: what is no longer there need not work. */
  present: Health;
  /** When the new configuration was taken into use, Unix milliseconds. */
  sinceMs: number;
  watchMs: number;
  /** Most resident memory that the agent may take; default: any. */
  maxRssBytes?: number;
  signal: AbortSignal;
}

/** How often the workers are looked at: their failures come from many places, and nobody waits for the verdict. */
const LOOKS = 60;
/** How often at least, in milliseconds: memory may grow fast. */
const LONGEST_PAUSE_MS = 1000;

/**
 * Watches the workers after a change of the configuration.
 *
 * @returns why the change was a bad one; undefined when it was not, or the signal aborted.
 */
export async function watchHealth(options: WatchOptions): Promise<string | undefined> {
  const { watchMs, signal } = options;
  const looks = Math.max(LOOKS, Math.ceil(watchMs / LONGEST_PAUSE_MS));
  for (let look = 0; look < looks; look++) {
    if (!await pause(watchMs / looks, signal)) return undefined;
    const failed = options.vitals.fault(options.sinceMs) ?? failedProcedure(options) ??
      tooMuchMemory(options);
    if (failed !== undefined) return failed;
  }
  return missingBackend(options);
}

function tooMuchMemory({ maxRssBytes = Infinity }: WatchOptions): string | undefined {
  const { rss } = Deno.memoryUsage();
  if (rss <= maxRssBytes) return undefined;
  return `it takes ${formatBytes(rss)} of memory, and ${formatBytes(maxRssBytes)} at most are allowed`;
}

function failedProcedure({ vitals, before, present, sinceMs }: WatchOptions): string | undefined {
  const failures = vitals.failures(sinceMs);
  const name = before.procedures.find((name) => present.procedures.includes(name) && name in failures);
  return name === undefined ? undefined : `the procedure ${name} ran before and now fails: ${failures[name]}`;
}

/** Each backend that was connected has to be connected again; where none of them is left, any other. */
function missingBackend({ vitals, before, present }: WatchOptions): string | undefined {
  const connected = vitals.health().backends;
  const wanted = before.backends.filter((name) => present.backends.includes(name));
  const lost = wanted.filter((name) => !connected.includes(name));
  if (lost.length > 0) return `the backend ${lost.join(", ")} was connected before and does not come back`;
  if (before.backends.length > 0 && connected.length === 0) {
    return "no backend is connected any more: the node could not be reached";
  }
  return undefined;
}
