// Runs in: main thread.
import { basename, dirname, join, resolve } from "@std/path";

/**
 * Replaces a file so that after a crash at any moment either the old or the new content is there, whole. Where the path
 * is a link, what it leads to is replaced.
 *
 * @param mode File mode; default 0o644.
 */
export function replaceFile(path: string, content: string, mode = 0o644): void {
  replaceName(followLinks(path), content, mode);
}

/** Like {@link replaceFile}, but a link is replaced itself. */
export function replaceName(path: string, content: string, mode: number): void {
  const temporary = temporaryName(path);
  const file = Deno.openSync(temporary, { write: true, createNew: true, mode });
  try {
    Deno.chmodSync(temporary, mode);
    const bytes = new TextEncoder().encode(content);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    file.syncSync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    Deno.removeSync(temporary); // a full disk must not keep half a file
    throw error;
  } finally {
    file.close();
  }
  syncFolder(dirname(path));
}

/** Points a symbolic link elsewhere, in one step that survives a power cut. */
export function replaceLink(path: string, target: string): void {
  const temporary = temporaryName(path);
  Deno.symlinkSync(target, temporary);
  Deno.renameSync(temporary, path);
  syncFolder(dirname(path));
}

/**
 * Replaces a file by what is written piece by piece, so that after a crash at any moment either the old or the new content
 * is there, whole; where writing fails, the old one.
 *
 * @param mode File mode, as far as the umask allows; default 0o644.
 */
export async function replaceFileBy(
  path: string,
  write: (file: Deno.FsFile) => Promise<void>,
  mode = 0o644,
): Promise<void> {
  const temporary = temporaryName(path);
  using file = Deno.openSync(temporary, { write: true, createNew: true, mode });
  try {
    await write(file);
    await file.sync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    Deno.removeSync(temporary); // a full disk must not keep half a file
    throw error;
  }
  syncFolder(dirname(path));
}

/** A name beside a path that nobody can have put a link at. Whoever opens it does so with `createNew`. */
export function temporaryName(path: string): string {
  return `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/**
 * Creates a folder and those above it that are missing; their names survive a power cut.
 *
 * @param mode Of all that are created; default: what the umask leaves.
 */
export function makeFolder(path: string, mode = 0o777): void {
  try {
    Deno.mkdirSync(path, { mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && Deno.statSync(path).isDirectory) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    makeFolder(dirname(path), mode);
    return makeFolder(path, mode);
  }
  syncFolder(dirname(path));
}

const TEMPORARY_NAME = /\.[0-9a-f]{8}\.tmp$/;

/** Removes what a crash has left of {@link temporaryName}; nobody else may work in these folders meanwhile. */
export function removeTemporaries(...folders: string[]): void {
  for (const folder of folders) {
    for (const { name, isDirectory } of listIfThere(folder)) {
      if (!isDirectory && TEMPORARY_NAME.test(name)) Deno.removeSync(join(folder, name));
    }
  }
}

function listIfThere(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Where a path leads: all links followed, also where its end is not there (yet). */
export function followLinks(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return path; // whoever uses it will say what is wrong
    const parent = dirname(path);
    const target = linkTarget(path);
    if (target !== undefined) return followLinks(resolve(parent, target));
    return parent === path ? path : join(followLinks(parent), basename(path));
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined; // it is not there, or no link
  }
}

/** Makes the names in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  syncFile(folder);
}

/** Makes the content of a file survive a power cut, whoever wrote it. */
export function syncFile(path: string): void {
  using file = Deno.openSync(path);
  file.syncSync();
}

/** When a file was last changed, in Unix milliseconds; undefined when there is none. */
export function modifiedMs(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The text of a file, or undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
