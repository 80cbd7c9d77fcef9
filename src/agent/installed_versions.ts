// Runs in: main thread.
import { dirname, join } from "@std/path";
import { isVersion } from "../shared/release.ts";
import { version as running } from "../shared/version.ts";
import { sha256OfFile } from "./file_digest.ts";
import { makeFolder, readIfThere, replaceFile } from "./files.ts";
import { exists, type Paths } from "./paths.ts";
import { foreignNames } from "./version_folder.ts";
import { readUpdateJournal } from "./updater/update_journal.ts";

/** `control/versions.json`: a version that this program has put into its folder. */
export interface InstalledVersion {
  /** Of its binary. */
  sha256: string;
  size_bytes: number;
  /** By a person at the node, as a signed release, or found at the first start that kept this record. */
  came: "by_hand" | "release" | "found";
}

/** By version; a damaged file counts as none, a damaged entry is left out. */
export function readInstalledVersions({ versions }: Paths): Map<string, InstalledVersion> {
  try {
    const entries = Object.entries(JSON.parse(readIfThere(versions) ?? "{}") as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, InstalledVersion] => isEntry(entry)));
  } catch {
    return new Map();
  }
}

export function recordVersion(paths: Paths, version: string, installed: InstalledVersion): void {
  write(paths, readInstalledVersions(paths).set(version, installed));
}

export function forgetVersion(paths: Paths, version: string): void {
  const known = readInstalledVersions(paths);
  if (known.delete(version)) write(paths, known);
}

/**
 * The versions on this node that are this program's own: recorded ones, and what a node of Ivy 0.1 has, which kept no
 * record: the running version and those that `previous` leads to, unless their folder holds something else as well.
 */
export function ownVersions(paths: Paths): Set<string> {
  return new Set([...readInstalledVersions(paths).keys(), ...provenVersions(paths)]);
}

/** Records every version that can be proven to be this program's own and is not on record yet. @returns their names. */
export async function recordProvenVersions(paths: Paths): Promise<string[]> {
  const known = readInstalledVersions(paths);
  const added = provenVersions(paths).filter((version) => !known.has(version));
  for (const version of added) {
    const installed = await describeBinary(join(paths.root, version, "ivy"), howItCame(paths, version));
    recordVersion(paths, version, installed);
  }
  return added;
}

/** What is to be recorded of a binary. */
export async function describeBinary(
  binary: string,
  came: InstalledVersion["came"],
): Promise<InstalledVersion> {
  return { sha256: await sha256OfFile(binary), size_bytes: Deno.statSync(binary).size, came };
}

/** Whether a version's binary is the one that was recorded; of one without a record nobody knows, and it counts as it. */
export async function isAsRecorded(paths: Paths, version: string): Promise<boolean> {
  const recorded = readInstalledVersions(paths).get(version);
  if (recorded === undefined) return true;
  const { sha256, size_bytes } = await describeBinary(join(paths.root, version, "ivy"), recorded.came);
  return sha256 === recorded.sha256 && size_bytes === recorded.size_bytes;
}

function provenVersions({ root }: Paths): string[] {
  const proven: string[] = [];
  for (
    let version: string | undefined = running;
    version !== undefined;
    version = previousIn(root, version)
  ) {
    const folder = join(root, version);
    if (proven.includes(version) || !exists(join(folder, "ivy"))) break;
    if (foreignNames(folder).length === 0) proven.push(version);
  }
  return proven;
}

function previousIn(root: string, version: string): string | undefined {
  const previous = readIfThere(join(root, version, "previous"))?.trim() ?? "";
  return isVersion(previous) ? previous : undefined;
}

function howItCame(paths: Paths, version: string): InstalledVersion["came"] {
  if (version !== running) return "found";
  return readUpdateJournal(paths)?.version === running ? "release" : "by_hand";
}

function write({ versions }: Paths, known: Map<string, InstalledVersion>): void {
  makeFolder(dirname(versions), 0o700);
  replaceFile(versions, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`, 0o600);
}

function isEntry([version, value]: [string, unknown]): boolean {
  const { sha256, size_bytes: size, came } = (value ?? {}) as Partial<InstalledVersion>;
  return isVersion(version) && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(size) && ["by_hand", "release", "found"].includes(came!);
}
