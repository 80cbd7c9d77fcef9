// Runs in: main thread.
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";

type ReleasesPath = Pick<Paths, "releases">;

/** `control/releases.json`: what a node remembers of releases. */
interface Known {
  /** Of the newest release that was accepted: older ones are refused. */
  serial: number;
  /** Releases that failed on this node, by digest, with the reason. */
  failed: Record<string, string>;
  /** Releases that something else kept from proving themselves: when to try again, Unix milliseconds. */
  waiting: Record<string, number>;
}

const MAX_REMEMBERED = 100;

/**
 * @returns undefined when the file is damaged: then nobody knows which releases were here, and nothing from it may be
 * taken for granted.
 */
export function readKnownReleases({ releases }: ReleasesPath): Known | undefined {
  const text = readIfThere(releases);
  if (text === undefined) return { serial: 0, failed: {}, waiting: {} };
  try {
    const { serial, failed = {}, waiting = {} } = JSON.parse(text) as Known;
    return Number.isSafeInteger(serial) ? { serial, failed, waiting } : undefined;
  } catch {
    return undefined;
  }
}

/** A damaged file stays as it is, and no release is taken, until it is known again which serial was here. */
export function rememberReleases(paths: ReleasesPath, change: (known: Known) => void): void {
  const found = readKnownReleases(paths);
  const known = found ?? { serial: 0, failed: {}, waiting: {} };
  change(known);
  if (found === undefined && known.serial === 0) return;
  known.failed = Object.fromEntries(Object.entries(known.failed).slice(-MAX_REMEMBERED));
  known.waiting = Object.fromEntries(Object.entries(known.waiting).slice(-MAX_REMEMBERED));
  replaceFile(paths.releases, `${JSON.stringify(known, null, 2)}\n`);
}
