// Runs in: main thread.
import { join } from "@std/path";
import type { UpdaterSettings } from "../../shared/config.ts";
import { namesFor, type Release, SIGNATURES_NAME, SUMS_NAME } from "../../shared/release.ts";
import { contentDigest } from "../../shared/release_marks.ts";
import { type Trust, verifyRelease } from "../../shared/signatures.ts";
import { readIfThere } from "../files.ts";
import { isAsRecorded, readInstalledVersions } from "../installed_versions.ts";
import type { Paths } from "../paths.ts";
import { trustOf } from "./fetch_version.ts";
import { readKnownReleases, refuseKnown } from "./known_releases.ts";

/** The release that a version on the disk is; nulls where nobody needs to know. */
export interface ProvenPrevious {
  digest: string | null;
  serial: number | null;
}

/**
 * Proves a version that lies on the disk before it may run again. A person on the node answers for it, as with `ivy
 * rollback`. For a server it counts as any release does: its signed list is beside it, the keys in force now have signed
 * that, and its serial is not lower than the highest that was accepted. A version that a person has put there without a
 * list is taken as long as no release has been accepted since, from which point on it may be an old one.
 *
 * @returns undefined when it is not proven, or its file is not the one on record: then it is fetched anew.
 * @throws {UnavailableError} when it is proven to be a release that may not be taken.
 */
export async function provePrevious(
  { version, isUrgent = false }: { version: string; isUrgent?: boolean },
  { paths, settings }: { paths: Paths; settings: UpdaterSettings },
): Promise<ProvenPrevious | undefined> {
  if (!await isAsRecorded(paths, version)) return undefined;
  if (isUrgent) return { digest: null, serial: null };
  const installed = readInstalledVersions(paths).get(version);
  if (installed === undefined) return undefined;
  const release = await signedRelease(join(paths.root, version), trustOf(settings));
  if (release?.version === version && lists(release, installed.sha256)) {
    const digest = await contentDigest(release);
    refuseKnown(paths, release, digest);
    return { digest, serial: release.serial };
  }
  const isNewest = installed.came === "by_hand" && readKnownReleases(paths)?.serial === 0;
  return isNewest ? { digest: null, serial: null } : undefined;
}

/** What the list beside a version says; undefined when there is none that counts. */
async function signedRelease(folder: string, trust: Trust): Promise<Release | undefined> {
  const sums = readIfThere(join(folder, SUMS_NAME));
  if (sums === undefined) return undefined;
  const signatures = readIfThere(join(folder, SIGNATURES_NAME)) ?? "";
  return await verifyRelease(new TextEncoder().encode(sums), signatures, trust).catch(() => undefined);
}

/** Whether it has a binary for this machine with this hash. */
export function lists({ files }: Release, sha256: string): boolean {
  const { binary } = namesFor(Deno.build.target);
  return files.some((file) => file.name === binary && file.sha256 === sha256);
}
