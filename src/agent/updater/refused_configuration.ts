// Runs in: main thread.
import { dirname } from "@std/path";
import { CommandError } from "../errors.ts";
import { makeFolder, readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";
import { removeDurably } from "./update_journal.ts";

/**
 * The last received configuration that only a person on the node may allow, as it came. The person allows what lies
 * here, not what a server may send later under the same number.
 */
export interface RefusedConfiguration {
  revision: number;
  /** Why it was refused. */
  reason: string;
  config: unknown;
  isAllowed: boolean;
}

/** Undefined when there is none; a damaged file counts as none. */
export function readRefused({ refusedConfiguration: path }: Paths): RefusedConfiguration | undefined {
  try {
    const refused = JSON.parse(readIfThere(path) ?? "null");
    return Number.isInteger(refused?.revision) ? refused : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps one for the person, in place of the one before. */
export function keepRefused({ refusedConfiguration: path }: Paths, refused: RefusedConfiguration): void {
  makeFolder(dirname(path), 0o700);
  replaceFile(path, `${JSON.stringify(refused, null, 2)}\n`, 0o600);
}

export function removeRefused({ refusedConfiguration: path }: Paths): void {
  removeDurably(path);
}

/**
 * A person on the node allows a revision.
 *
 * @throws {CommandError} when that one does not lie here.
 */
export function allowRefused(paths: Paths, revision: number): RefusedConfiguration {
  const refused = readRefused(paths);
  if (refused?.revision !== revision) {
    const others = refused === undefined ? "none does" : `revision ${refused.revision} does`;
    throw new CommandError(`revision ${revision} does not wait to be allowed on this node; ${others}`);
  }
  keepRefused(paths, { ...refused, isAllowed: true });
  return refused;
}
