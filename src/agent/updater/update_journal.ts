// Runs in: main thread.
import { dirname } from "@std/path";
import { isVersion } from "../../shared/release.ts";
import { readIfThere, replaceFile, syncFolder } from "../files.ts";
import type { Paths } from "../paths.ts";
import type { Health } from "./journal.ts";

/** `control/update.json`: a version that was switched to and has not proved itself yet. Holds no secrets. */
export interface UpdateJournal {
  version: string;
  /** The version before. */
  from: string;
  /** Of the configuration that asked for it; null when a person did. */
  revision: number | null;
  /** The release, see `contentDigest`; null where a person went back to the previous version, which was on the disk. */
  digest: string | null;
  serial: number | null;
  /** What worked before, and therefore must work again. */
  before: Health;
  /** Resident memory of the version before, in bytes. */
  rssBytes?: number;
  /** Why the new version was left again, once it was. */
  failure?: string;
}

/** `control/probation`, which the launcher keeps; see there. */
export interface Counter {
  version: string;
  from: string;
  /** Starts so far; undefined once the launcher or the agent has gone back. */
  starts: number | undefined;
  /** Boots of the machine, one per start. */
  boots: string[];
  /** At least one start had to be ended because it did nothing any more. */
  hasHung: boolean;
}

/**
 * @returns undefined when there is none. A damaged one counts as one without any demands, as long as the launcher's
 * counter says which version is on probation: that is over when it has been watched, not when nobody can read of it.
 * Versions are names of folders and lead nowhere else.
 */
export function readUpdateJournal(paths: Paths): UpdateJournal | undefined {
  const text = readIfThere(paths.update);
  if (text === undefined) return undefined;
  try {
    const journal = JSON.parse(text) as UpdateJournal;
    if (isVersion(journal.version) && isVersion(journal.from)) return journal;
  } catch { /* as below */ }
  const counter = readCounter(paths);
  if (counter === undefined) return undefined;
  const { version, from } = counter;
  return {
    version,
    from,
    revision: null,
    digest: null,
    serial: null,
    before: { procedures: [], backends: [] },
  };
}

export function writeUpdateJournal({ update }: Paths, journal: UpdateJournal): void {
  replaceFile(update, `${JSON.stringify(journal, null, 2)}\n`);
}

/** @returns undefined when there is none; a damaged one is the launcher's to judge. */
export function readCounter({ probation }: Paths): Counter | undefined {
  const [version, from, starts, , boots] = (readIfThere(probation) ?? "").trim().split(" ");
  if (boots === undefined || !isVersion(version!) || !isVersion(from!)) return undefined;
  const words = boots.split(",").slice(1);
  return {
    version: version!,
    from: from!,
    starts: starts === "back" ? undefined : Number(starts),
    boots: words.filter((word) => word !== "hung"),
    hasHung: words.includes("hung"),
  };
}

/** @param limitSeconds How long one start may take to get well. */
export function writeCounter(
  { probation }: Paths,
  { version, from, starts }: { version: string; from: string; starts: number | "back" },
  limitSeconds: number,
): void {
  replaceFile(probation, `${version} ${from} ${starts} ${limitSeconds} -\n`);
}

/** Removes files that need not be there, the first one first. */
export function removeDurably(...files: string[]): void {
  for (const path of files) {
    try {
      Deno.removeSync(path);
      syncFolder(dirname(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
