// Runs in: main thread.
import { join } from "@std/path";
import { isVersion } from "../shared/release.ts";
import { version as running } from "../shared/version.ts";
import { makeFolder, readIfThere, replaceFile, replaceName, syncFolder } from "./files.ts";
import { LAUNCHER } from "./launcher.ts";
import { exists, isOnEarlierProbation, journalsAreInData, type Paths, readLauncher } from "./paths.ts";
import { acceptSerial, readKnownReleases, rememberReleases } from "./updater/known_releases.ts";

/** What version 0.1 keeps in `data/`, and this version under the same names in `control/`. */
const LASTING = ["revisions.json", "releases.json", "reconfiguration.json", "offered_package.json"];
/** An update that is under way. */
const UPDATE = "update.json";
const PROBATION = "probation";
const KEPT = "backends";

/**
 * Moves what decides from `data/` to `control/` on a node that version 0.1 ran on, unless that version may come back by
 * itself. A crash at any moment leaves a node that starts: everything is copied and synced first, then the launcher is
 * replaced, which is the one step that counts (see {@link journalsAreInData}), then what lies in `data/` is removed; the
 * next start goes on with the rest. Call it under the lock.
 *
 * @param onMoved Called as soon as commands look in `control/`: for the agent's socket, too.
 * @returns what was done, as sentences.
 */
export function moveJournals(paths: Paths, onMoved: () => void = () => {}): string[] {
  const { root, control, data, launcher } = paths;
  const isDue = journalsAreInData(root) && !isOnEarlierProbation(root);
  if (isDue) {
    fillControl(paths);
    if (readLauncher(root) !== undefined) replaceName(launcher, LAUNCHER, 0o755);
    onMoved();
  }
  if (!journalsAreInData(root)) removeEarlier(data);
  return isDue ? [`moved journals and credentials from ${data} to ${control}`] : [];
}

/** Before a version that looks for them in `data/` is made the active one for good, it gets what it needs there. */
export function giveJournalsBack(paths: Paths, version: string): void {
  if (journalsAreInData(paths.root) || !earlierVersions(paths).includes(version)) return;
  const { control, data } = paths;
  for (const [name, text] of filesIn(control, LASTING)) replaceName(join(data, name), text, 0o644);
  const kept = join(data, KEPT);
  removeIfThere(kept);
  copyKept(join(control, KEPT), kept);
}

/** Whether a version keeps its journals in `data/`: then this version's launcher cannot put it on probation. */
export function keepsJournalsInData(paths: Paths, version: string): boolean {
  return earlierVersions(paths).includes(version);
}

/** What version 0.1 has written since counts more than what was in `control/` before. */
function fillControl(paths: Paths): void {
  const { root, control, data } = paths;
  const isNew = !exists(control);
  const folder = isNew ? `${control}.new` : control;
  if (isNew) {
    removeIfThere(folder);
    Deno.mkdirSync(folder, { mode: 0o700 });
  }
  const before = { releases: join(folder, "releases.json") };
  const { serial = 0, digest } = readKnownReleases(before) ?? {};
  for (const name of [PROBATION, UPDATE]) removeIfThere(join(folder, name));
  for (const [name, text] of filesIn(data, [...LASTING, UPDATE])) {
    replaceFile(join(folder, name), text, 0o600);
  }
  rememberReleases(before, (known) => acceptSerial(known, serial, digest));
  copyKept(join(data, KEPT), join(folder, KEPT));
  const earlier = new Set([...earlierVersions({ control: folder }), ...versionsBeside(root)]);
  replaceFile(earlierVersionsFile(folder), `${JSON.stringify([...earlier])}\n`, 0o600);
  syncFolder(folder);
  if (isNew) Deno.renameSync(folder, control);
  syncFolder(root);
}

function copyKept(from: string, to: string): void {
  if (!exists(from) || !Deno.lstatSync(from).isDirectory) return;
  const names = [...Deno.readDirSync(from)].map(({ name }) => name).filter((name) => name.endsWith(".json"));
  makeFolder(to, 0o700);
  for (const [name, text] of filesIn(from, names)) replaceName(join(to, name), text, 0o600);
}

/** Of names in a folder the plain files, with their texts: what a link leads to is nobody's journal. */
function filesIn(folder: string, names: string[]): [name: string, text: string][] {
  return names.filter((name) => exists(join(folder, name)) && Deno.lstatSync(join(folder, name)).isFile)
    .map((name) => [name, Deno.readTextFileSync(join(folder, name))]);
}

/** Nothing of it is believed any more; that something cannot be removed harms nobody. */
function removeEarlier(data: string): void {
  const names = [...LASTING, UPDATE, PROBATION, `${PROBATION}.tmp`, KEPT, "ivy.sock"];
  const found = names.map((name) => join(data, name)).filter(exists);
  for (const path of found) {
    try {
      removeIfThere(path);
    } catch { /* it is tried again at the next start */ }
  }
  if (found.length > 0) syncFolder(data);
}

function removeIfThere(path: string): void {
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}

/** All that lie here when journals are moved were there before this one. */
function versionsBeside(root: string): string[] {
  return [...Deno.readDirSync(root)].map(({ name }) => name)
    .filter((name) => isVersion(name) && name !== running);
}

function earlierVersions({ control }: Pick<Paths, "control">): string[] {
  try {
    const names = JSON.parse(readIfThere(earlierVersionsFile(control)) ?? "[]");
    return Array.isArray(names) ? names.filter(isVersion) : [];
  } catch {
    return [];
  }
}

/** The versions that keep their journals in `data/`, as JSON. */
function earlierVersionsFile(control: string): string {
  return join(control, "earlier_versions.json");
}
