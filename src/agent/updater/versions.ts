// Runs in: main thread.
import { join } from "@std/path";
import { readIfThere, replaceFile, replaceLink, syncFolder } from "../files.ts";
import { exists, type Paths, pathsOf } from "../paths.ts";
import { writeCounter } from "./update_journal.ts";

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/** The binary of a version. */
export function binaryOf({ root }: Paths, version: string): string {
  return join(root, version, "ivy");
}

/** The version that ran before another one, if it is still there. */
export function previousOf(paths: Paths, version: string): string | undefined {
  const previous = readIfThere(join(paths.root, version, "previous"))?.trim();
  if (previous === undefined || !VERSION.test(previous)) return undefined;
  return exists(binaryOf(paths, previous)) ? previous : undefined;
}

/**
 * Makes a version the active one, on probation. Whatever happens at any moment of this: the active version is whole, and
 * a new one is never started without its counter.
 *
 * @param laidOut The folder with the binary and its configuration; undefined = the version's own, which is there.
 */
export function switchTo(
  paths: Paths,
  { version, from, laidOut, limitSeconds }: {
    version: string;
    from: string;
    laidOut: string | undefined;
    limitSeconds: number;
  },
): void {
  const folder = join(paths.root, version);
  if (laidOut !== undefined) {
    if (exists(folder)) Deno.removeSync(folder, { recursive: true });
    syncTree(laidOut);
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
  Deno.mkdirSync(join(folder, "config"), { recursive: true, mode: 0o700 });
  replaceFile(join(folder, "config", "config.json"), `${JSON.stringify(config, null, 2)}\n`, 0o600);
}

/** Removes all versions but two. @returns their names. */
export function removeOlderVersions(paths: Paths, keep: (string | undefined)[]): string[] {
  const old = [...Deno.readDirSync(paths.root)]
    .filter(({ name, isDirectory }) => isDirectory && VERSION.test(name) && !keep.includes(name))
    .map(({ name }) => name)
    .filter((name) => exists(binaryOf(paths, name)) || exists(pathsOf(paths.root, name).configFile));
  for (const name of old) Deno.removeSync(join(paths.root, name), { recursive: true });
  return old;
}

function syncTree(folder: string): void {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) syncTree(path);
    else if (isFile) syncFolder(path);
  }
  syncFolder(folder);
}
