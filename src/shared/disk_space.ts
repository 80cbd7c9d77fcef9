// Runs in: any thread.
import { statfsSync } from "node:fs";

export interface DiskSpace {
  /** For an ordinary user. */
  freeBytes: number;
  sizeBytes: number;
}

/**
 * Space of the file system that a path lies on.
 *
 * @throws when the system does not say.
 */
export function diskSpace(path: string): DiskSpace {
  const { bavail, bsize, blocks } = statfsSync(path);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
