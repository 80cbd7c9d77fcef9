// Runs in: main thread.
import { join } from "@std/path";
import { SIGNATURES_NAME, SUMS_NAME } from "../shared/release.ts";

/** What this program lays out in the folder of a version. */
const OWN = new Set(["ivy", "previous", SUMS_NAME, SIGNATURES_NAME]);
const OWN_CONFIGURATIONS = new Set(
  ["config", "config.last_good", "config.candidate", "config.previous"].map((name) => `${name}.json`),
);

/**
 * What in a version's folder is not this program's, as paths relative to it; `.` when the folder itself is a link or
 * no folder.
 */
export function foreignNames(folder: string): string[] {
  if (!isRealFolder(folder)) return ["."];
  return [...Deno.readDirSync(folder)].flatMap(({ name, isFile }) => {
    if (name !== "config") return isFile && isOwn(name, OWN) ? [] : [name];
    const below = join(folder, name);
    if (!isRealFolder(below)) return [name];
    return [...Deno.readDirSync(below)]
      .filter((entry) => !(entry.isFile && isOwn(entry.name, OWN_CONFIGURATIONS)))
      .map((entry) => join(name, entry.name));
  });
}

/**
 * Removes a version's folder in which everything is this program's, name by name, so that nothing else can go with it.
 *
 * @returns what is foreign in it; then nothing has been removed.
 */
export function removeVersionFolder(folder: string): string[] {
  const foreign = foreignNames(folder);
  if (foreign.length > 0) return foreign;
  const config = join(folder, "config");
  for (const within of [config, folder]) {
    for (const { name, isFile } of isRealFolder(within) ? [...Deno.readDirSync(within)] : []) {
      if (isFile) Deno.removeSync(join(within, name));
    }
    if (isRealFolder(within)) Deno.removeSync(within);
  }
  return [];
}

/** Also the temporary file that an interrupted replacement has left: NAME.tmp, or with anything between. */
function isOwn(name: string, own: Set<string>): boolean {
  return own.has(name) ||
    [...own].some((each) => name.startsWith(`${each}.`) && name.endsWith(".tmp"));
}

function isRealFolder(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
