// Runs in: main thread.
import { join } from "@std/path";
import { isVersion } from "../../shared/release.ts";
import { makeFolder, readIfThere, replaceFile, replaceLink, syncFile, syncFolder } from "../files.ts";
import {
  forgetVersion,
  type InstalledVersion,
  ownVersions,
  readInstalledVersions,
  recordVersion,
} from "../installed_versions.ts";
import { exists, type Paths } from "../paths.ts";
import { foreignNames, removeVersionFolder } from "../version_folder.ts";
import { UnavailableError } from "./release_worker.ts";
import { writeCounter } from "./update_journal.ts";

/** The binary of a version. */
export function binaryOf({ root }: Paths, version: string): string {
  return join(root, version, "ivy");
}

/** The version that ran before another one, if its binary is still there, in the size that is on record. */
export function previousOf(paths: Paths, version: string): string | undefined {
  const previous = readIfThere(join(paths.root, version, "previous"))?.trim();
  if (previous === undefined || !isVersion(previous)) return undefined;
  const sizeBytes = sizeOf(binaryOf(paths, previous));
  const recorded = readInstalledVersions(paths).get(previous)?.size_bytes;
  return sizeBytes > 0 && sizeBytes === (recorded ?? sizeBytes) ? previous : undefined;
}

/** Of a file, in bytes; 0 when there is none. */
function sizeOf(path: string): number {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile ? size : 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/**
 * Makes a version the active one, on probation. Whatever happens at any moment of this: the active version is whole, and
 * a new one is never started without its counter.
 *
 * @param laidOut The folder with the binary and its configuration; undefined = the version's own, which is there.
 * @param installed What is recorded of a version that was laid out.
 * @throws {UnavailableError} when the version's folder is there and is not this program's own.
 */
export function switchTo(
  paths: Paths,
  { version, from, laidOut, installed, limitSeconds }: {
    version: string;
    from: string;
    laidOut: string | undefined;
    installed?: InstalledVersion;
    limitSeconds: number;
  },
): void {
  const folder = join(paths.root, version);
  if (laidOut !== undefined) {
    const obstacle = removeVersion(paths, version);
    if (obstacle !== undefined) throw new UnavailableError(obstacle, true);
    syncTree(laidOut);
    if (installed !== undefined) recordVersion(paths, version, installed);
    Deno.renameSync(laidOut, folder);
    syncFolder(paths.root);
  }
  replaceFile(join(folder, "previous"), `${from}\n`);
  writeCounter(paths, { version, from, starts: 0 }, limitSeconds);
  replaceLink(paths.current, version);
}

/** Makes the previous version the active one again. */
export function switchBack(paths: Paths, version: string, from: string): void {
  replaceLink(paths.current, from);
  writeCounter(paths, { version, from, starts: "back" }, 0);
}

/** Puts a configuration beside a version's binary. */
export function placeConfig(folder: string, config: unknown): void {
  makeFolder(join(folder, "config"), 0o700);
  replaceFile(join(folder, "config", "config.json"), `${JSON.stringify(config, null, 2)}\n`, 0o600);
}

/**
 * Removes this program's own versions but those to keep.
 *
 * @returns their names, and a sentence for each that has to stay.
 */
export function removeOlderVersions(
  paths: Paths,
  keep: (string | undefined)[],
): { removed: string[]; obstacles: string[] } {
  const own = [...ownVersions(paths)].reverse(); // the oldest first: one proves the one before it
  const old = own.filter((version) => !keep.includes(version));
  const removed = old.filter((version) => exists(join(paths.root, version)));
  const obstacles = old.flatMap((version) => removeVersion(paths, version) ?? []);
  return { removed: removed.filter((version) => !exists(join(paths.root, version))), obstacles };
}

/**
 * Removes a version, if there is one and all of it is this program's own.
 *
 * @returns why its folder is still there; undefined when it is not.
 */
export function removeVersion(paths: Paths, version: string): string | undefined {
  const obstacle = obstacleAt(paths, version);
  if (obstacle !== undefined) return obstacle;
  const folder = join(paths.root, version);
  if (exists(folder)) {
    removeVersionFolder(folder);
    syncFolder(paths.root);
  }
  forgetVersion(paths, version); // last: a removal that is cut off can be gone on with
  return undefined;
}

/** Why a version cannot take its folder's place, in a sentence; undefined when it can. */
export function obstacleAt(paths: Paths, version: string): string | undefined {
  const folder = join(paths.root, version);
  if (!exists(folder)) return undefined;
  const foreign = foreignNames(folder);
  if (foreign.length === 0 && ownVersions(paths).has(version)) return undefined;
  const what = foreign[0] === "."
    ? "is no folder of its own"
    : foreign.length > 0
    ? `holds ${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? " and more" : ""}`
    : "is in no record of this node";
  return `${folder} ${what}: Ivy did not put that there and does not remove it; move it away`;
}

function syncTree(folder: string): void {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) syncTree(path);
    else if (isFile) syncFile(path);
  }
  syncFolder(folder);
}
