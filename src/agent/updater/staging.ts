// Runs in: main thread.
import { join } from "@std/path";
import { isVersion } from "../../shared/release.ts";
import { makeFolder } from "../files.ts";
import { exists, type Paths } from "../paths.ts";
import { removeVersionFolder } from "../version_folder.ts";
import { UnavailableError } from "./release_worker.ts";

/** Files that downloads and tests leave, whole or in part, and lists that come with them. */
const FILE = /^(ivy|base|acceptance\.js|SHA256SUMS|ivy-[\w.-]+|blocks-[\w.-]+|package)(\.[\w.-]+)?$/;
/** Folders of programs under test. */
const FOLDERS = ["scratch", "deno"];

/**
 * Creates the folder for downloads, if it is missing.
 *
 * @throws {UnavailableError} when something else is there: what is written through a link lands elsewhere.
 */
export function makeStaging({ staging }: Pick<Paths, "staging">): void {
  if (exists(staging) && !Deno.lstatSync(staging).isDirectory) {
    throw new UnavailableError(
      `${staging} is no folder of its own, and Ivy downloads to it: move it away`,
      true,
    );
  }
  makeFolder(staging, 0o700);
}

/** Makes room for a version that is to be laid out. @returns its folder. @throws {UnavailableError} */
export function makeStagedVersion({ staging }: Pick<Paths, "staging">, version: string): string {
  const folder = join(staging, version);
  const foreign = exists(folder) ? removeVersionFolder(folder) : [];
  if (foreign.length === 0) return folder;
  throw new UnavailableError(
    `${folder} holds ${foreign[0]}, which Ivy did not put there: move it away`,
    true,
  );
}

/** Makes room for a program under test. @returns its folder. */
export function makeScratch({ staging }: Pick<Paths, "staging">): string {
  const scratch = join(staging, "scratch");
  if (exists(scratch)) Deno.removeSync(scratch, { recursive: true });
  return scratch;
}

/** Removes what this program has put into the folder for downloads, and the folder when nothing else is in it. */
export function clearStaging({ staging }: Pick<Paths, "staging">): void {
  for (const { name, isFile, isDirectory } of [...Deno.readDirSync(staging)]) {
    const path = join(staging, name);
    if (isFile && FILE.test(name)) Deno.removeSync(path);
    else if (isDirectory && FOLDERS.includes(name)) Deno.removeSync(path, { recursive: true });
    else if (isDirectory && isVersion(name)) removeVersionFolder(path);
  }
  removeIfEmpty(staging);
}

/** What is in it is gone on with, or is not this program's. */
export function removeIfEmpty(folder: string): void {
  try {
    Deno.removeSync(folder);
  } catch { /* it is not empty */ }
}
