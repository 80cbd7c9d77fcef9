// Runs in: main thread.
import type { StorageSettings } from "../shared/config.ts";
import { diskLimits } from "../shared/disk_limits.ts";
import { diskSpace } from "../shared/disk_space.ts";
import { sentenceOf } from "../shared/errors.ts";
import { firstExisting, type Paths } from "./paths.ts";

/** What of the configured limits does not fit the disk that the node's data are on, or will be. */
export function storageWarnings(
  storage: StorageSettings,
  { data }: Pick<Paths, "data">,
  space = diskSpace,
): string[] {
  const folder = firstExisting(data);
  try {
    return diskLimits(storage, space(folder).sizeBytes).warnings;
  } catch (error) {
    return [
      `the size of the disk with ${folder} cannot be read, so nobody knows whether the limits of storage fit it: ${
        sentenceOf(error)
      }`,
    ];
  }
}
