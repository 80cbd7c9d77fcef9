// Runs in: store worker.
import { statfsSync } from "node:fs";

/** Free bytes for an ordinary user on the file system that `path` lies on. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Makes the names in a folder survive a power cut. */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** Size of a file in bytes; 0 when there is none. */
export function sizeBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
