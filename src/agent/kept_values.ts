// Runs in: main thread.
import { join } from "@std/path";
import { makeFolder, readIfThere, replaceFile } from "./files.ts";
import type { Paths } from "./paths.ts";

/** What a backend had asked to keep (credentials that its server gave out, for example); null when there is nothing. */
export function readKept({ kept }: Paths, name: string): unknown {
  try {
    return JSON.parse(readIfThere(join(kept, `${name}.json`)) ?? "null");
  } catch {
    return null; // damaged: the backend asks its server again
  }
}

/** Keeps a value for the next start, where only the agent's own user can read it. */
export function writeKept({ kept }: Paths, name: string, value: unknown): void {
  makeFolder(kept, 0o700);
  replaceFile(join(kept, `${name}.json`), `${JSON.stringify(value)}\n`, 0o600);
}
