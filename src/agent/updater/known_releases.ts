// Runs in: main thread.
import type { Release } from "../../shared/release.ts";
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";
import { UnavailableError } from "./release_worker.ts";

type ReleasesPath = Pick<Paths, "releases">;

/** `control/releases.json`: what a node remembers of releases. */
interface Known {
  /** Of the newest release that was accepted: older ones are refused. */
  serial: number;
  /** That release, see `contentDigest`; undefined where version 0.1 has accepted it. */
  digest?: string;
  /** The newest day that a verified list was of, as `2026-11-30`. */
  date?: string;
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
    const { serial, digest, date, failed = {}, waiting = {} } = JSON.parse(text) as Known;
    if (!Number.isSafeInteger(serial)) return undefined;
    return {
      serial,
      ...(typeof digest === "string" ? { digest } : {}),
      ...(typeof date === "string" ? { date } : {}),
      failed,
      waiting,
    };
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

/** From now on no older release is taken, and no other one with this serial. `digest`: undefined = it is not known. */
export function acceptSerial(known: Known, serial: number, digest: string | undefined): void {
  if (serial < known.serial || (serial === known.serial && digest === undefined)) return;
  known.serial = serial;
  if (digest === undefined) delete known.digest;
  else known.digest = digest;
}

/** @throws {UnavailableError} when a release has failed here, has to wait, or is not newer than what was accepted. */
export function refuseKnown(paths: ReleasesPath, { version, serial }: Release, digest: string): void {
  const known = readKnownReleases(paths);
  if (known === undefined) {
    throw new UnavailableError(
      `${paths.releases} is damaged, so nobody knows which releases were here; remove it to take any that is signed`,
      true,
    );
  }
  const { serial: newest, failed, waiting } = known;
  if (Object.hasOwn(failed, digest)) {
    throw new UnavailableError(`this release has failed here before: ${failed[digest]}`, false);
  }
  if (serial < newest) {
    throw new UnavailableError(
      `release ${version} has serial ${serial}, and ${newest} was here already: it is an old one`,
      false,
    );
  }
  if (serial === newest && known.digest !== undefined && known.digest !== digest) {
    throw new UnavailableError(
      `release ${version} has serial ${serial} as one that was here, but other files: give it a higher serial`,
      false,
    );
  }
  const untilMs = waiting[digest] ?? 0;
  if (untilMs > Date.now()) {
    throw new UnavailableError(`it is tried again at ${new Date(untilMs).toISOString()}`, true);
  }
}
