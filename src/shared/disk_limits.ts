// Runs in: any thread.
import type { StorageSettings } from "./config.ts";
import { formatBytes } from "./time.ts";

const MEGABYTE = 1_000_000;
const DEFAULT_MIN_FREE_BYTES = 200 * MEGABYTE;
const DEFAULT_MIN_FREE_SHARE = 0.05;
const DEFAULT_MAX_OUTBOX_BYTES = 1024 * MEGABYTE;
/** What waits lies on the disk twice, in the outbox and in the daily files. */
const DEFAULT_MAX_OUTBOX_SHARE = 0.5;
/** Nobody means that more than this share of a disk is to stay free: that limit was made for another disk. */
const LARGEST_MIN_FREE_SHARE = 0.5;

/** The limits of `storage` that hold on one disk. */
export interface DiskLimits {
  /** With less free space old data leaves the outbox. */
  minFreeBytes: number;
  /** With a larger database, too. */
  maxOutboxBytes: number;
  /** What is configured and does not fit this disk, one sentence each, with what counts instead. */
  warnings: string[];
}

/**
 * Judges the limits of `storage` against the size of the disk that the node's data are on. A limit that this disk could
 * never keep would throw measurements away while nearly all of it is free, so another one counts in its place.
 */
export function diskLimits(
  { min_free_mb, max_outbox_mb }: Pick<StorageSettings, "min_free_mb" | "max_outbox_mb">,
  sizeBytes: number,
): DiskLimits {
  const minFree = Math.min(DEFAULT_MIN_FREE_BYTES, Math.floor(DEFAULT_MIN_FREE_SHARE * sizeBytes));
  const halfBytes = Math.floor(DEFAULT_MAX_OUTBOX_SHARE * sizeBytes);
  const warnings: string[] = [];
  const fit = ({ key, setMb, largestBytes, insteadBytes }: SetLimit) => {
    if (setMb * MEGABYTE <= largestBytes) return setMb * MEGABYTE;
    warnings.push(
      `storage.${key} is ${setMb}, and the disk has ${formatBytes(sizeBytes)}: ${
        formatBytes(insteadBytes)
      } ` +
        `count instead; leave it out, or set at most ${Math.floor(largestBytes / MEGABYTE)}`,
    );
    return insteadBytes;
  };
  return {
    minFreeBytes: min_free_mb === undefined ? minFree : fit({
      key: "min_free_mb",
      setMb: min_free_mb,
      largestBytes: LARGEST_MIN_FREE_SHARE * sizeBytes,
      insteadBytes: minFree,
    }),
    maxOutboxBytes: max_outbox_mb === undefined ? Math.min(DEFAULT_MAX_OUTBOX_BYTES, halfBytes) : fit({
      key: "max_outbox_mb",
      setMb: max_outbox_mb,
      largestBytes: sizeBytes,
      insteadBytes: halfBytes,
    }),
    warnings,
  };
}

interface SetLimit {
  key: "min_free_mb" | "max_outbox_mb";
  setMb: number;
  /** A larger one does not fit the disk. */
  largestBytes: number;
  insteadBytes: number;
}
