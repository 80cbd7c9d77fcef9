// Runs in: main thread.
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";

/** `data/releases.json`: what a node remembers of releases. */
interface Known {
  /** Of the newest release that was accepted: older ones are refused. */
  serial: number;
  /** Releases that failed on this node, by digest, with the reason. */
  failed: Record<string, string>;
  /** Releases that something else kept from proving themselves: when to try again, Unix milliseconds. */
  waiting: Record<string, number>;
}

const MAX_REMEMBERED = 100;

export function readKnownReleases({ releases }: Paths): Known {
  const nothing = { serial: 0, failed: {}, waiting: {} };
  try {
    return { ...nothing, ...JSON.parse(readIfThere(releases) ?? "{}") };
  } catch {
    return nothing;
  }
}

export function rememberReleases(paths: Paths, change: (known: Known) => void): void {
  const known = readKnownReleases(paths);
  change(known);
  known.failed = Object.fromEntries(Object.entries(known.failed).slice(-MAX_REMEMBERED));
  known.waiting = Object.fromEntries(Object.entries(known.waiting).slice(-MAX_REMEMBERED));
  replaceFile(paths.releases, `${JSON.stringify(known, null, 2)}\n`);
}
