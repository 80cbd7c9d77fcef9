// Runs in: main thread.
import { statfsSync } from "node:fs";
import type { StorageSettings } from "../../shared/config.ts";
import { type DiskLimits, diskLimits } from "../../shared/disk_limits.ts";
import { diskSpace } from "../../shared/disk_space.ts";
import { formatBytes } from "../../shared/time.ts";
import { fault, type Finding, fine, type Question, type Surroundings, warn, WITH_SUDO } from "./finding.ts";
import { type Mount, mountOf } from "./mount.ts";

export interface DiskFacts {
  /** The file system that the root lies on; null where the kernel does not say. */
  mount: Pick<Mount, "type" | "isReadOnly"> | null;
  /** In bytes. */
  free: number;
  size: number;
  /** Share of the file system's inodes that is free; 1 where it has no such limit. */
  freeInodes: number;
  /** Those of `storage` that hold on this disk. */
  limits: DiskLimits;
  wear: WearFacts | null;
  /** Lines of the kernel's log about errors; null where this user may not read it. */
  kernelErrors: string[] | null;
}

/** What the medium tells of its age. */
export interface WearFacts {
  /** Bytes that were written since the file system was made; null where it does not count. */
  written: number | null;
  /** Size of the whole medium, in bytes. */
  size: number;
  /** Share of its life that an eMMC says it has used, from 0 to 1; null for an SD card, which does not say. */
  used: number | null;
}

/** File systems without modes and links, or that forget. */
const UNFIT = ["vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk"];
const FORGETFUL = ["tmpfs", "ramfs", "overlay"];
/** How often a simple SD card can be overwritten as a whole; what is written inside is more than what is asked for. */
const OVERWRITES = 300;
const STORAGE_ERROR =
  /mmc\d.*(error|timeout|timed out)|I\/O error|EXT4-fs.*(error|warning)|Buffer I\/O|nvme.*(reset|timeout)/i;
const SECTOR_BYTES = 512;

/** The kernel's log, from itself or from the journal. */
export const KERNEL_ERRORS: Question = ["dmesg", "--level=emerg,alert,crit,err,warn", "--notime"];
export const KERNEL_JOURNAL: Question = [
  "journalctl",
  "--dmesg",
  "--boot",
  "--priority=warning",
  "--quiet",
  "--output=cat",
  "--no-pager",
];

export async function diskFacts(
  { ask, read }: Surroundings,
  { folder, storage }: { folder: string; storage: Pick<StorageSettings, "min_free_mb" | "max_outbox_mb"> },
): Promise<DiskFacts> {
  const mount = mountOf(folder, read("/proc/self/mountinfo") ?? "");
  const { freeBytes, sizeBytes } = diskSpace(folder);
  const { ffree, files } = statfsSync(folder);
  const log = await ask(KERNEL_ERRORS) ?? await ask(KERNEL_JOURNAL);
  return {
    mount: mount ?? null,
    free: freeBytes,
    size: sizeBytes,
    freeInodes: files === 0 ? 1 : ffree / files,
    limits: diskLimits(storage, sizeBytes),
    wear: mount === undefined ? null : await wearFacts({ ask, read }, mount),
    kernelErrors: log?.split("\n").filter((line) => STORAGE_ERROR.test(line)) ?? null,
  };
}

export function judgeDisk(facts: DiskFacts): Finding[] {
  return [
    judgeMount(facts.mount),
    judgeSpace(facts),
    ...facts.limits.warnings.map((warning) => {
      const [found, advice] = warning.split("; ");
      return warn("disk limits", found!, advice!);
    }),
    judgeKernelLog(facts.kernelErrors),
    ...(facts.wear === null ? [] : [judgeWear(facts.wear)]),
  ];
}

function judgeMount(mount: DiskFacts["mount"]): Finding {
  if (mount === null) {
    return warn("file system", "the kernel does not say which it is", "see: findmnt --target ROOT");
  }
  const { type, isReadOnly } = mount;
  if (UNFIT.includes(type)) {
    return fault(
      "file system",
      `${type} has no links and no modes`,
      "choose a --root on ext4, or format it as ext4",
    );
  }
  if (isReadOnly) {
    return fault(
      "file system",
      `${type}, mounted read-only`,
      "look for disk errors, then: sudo mount -o remount,rw",
    );
  }
  if (!FORGETFUL.includes(type)) return fine("file system", type);
  return warn(
    "file system",
    `${type} may forget everything when the machine restarts`,
    "choose a --root on a disk",
  );
}

function judgeSpace({ free, size, freeInodes, limits: { minFreeBytes } }: DiskFacts): Finding {
  const found = `${formatBytes(free)} of ${formatBytes(size)} free`;
  const limit = `${formatBytes(minFreeBytes)}, below which old data leaves the outbox`;
  const advice = "see what fills it: sudo du -xh / | sort -h | tail; or set storage.retention_days";
  if (freeInodes < 0.01) {
    return fault("disk space", "no more files can be created: the inodes are used up", advice);
  }
  if (free < minFreeBytes) return fault("disk space", `${found}, less than ${limit}`, advice);
  if (free < 2 * minFreeBytes || freeInodes < 0.05) {
    return warn("disk space", `${found}; the limit is ${limit}`, advice);
  }
  return fine("disk space", found);
}

function judgeKernelLog(errors: string[] | null): Finding {
  if (errors === null) {
    return warn(
      "disk health",
      "the kernel's log may not be read by this user",
      WITH_SUDO,
    );
  }
  if (errors.length === 0) return fine("disk health", "the kernel's log has no disk errors");
  const last = errors.at(-1)!.trim();
  return fault(
    "disk health",
    `the kernel's log has ${errors.length} disk errors, the last: ${last}`,
    "copy the data (ivy messages export) and replace the card or disk",
  );
}

function judgeWear({ written, size, used }: WearFacts): Finding {
  if (used === null && written === null) return fine("wear", "this medium does not tell its age");
  const share = used ?? written! / size / OVERWRITES;
  const percent = `${Math.round(100 * share)} %`;
  const found = used === null
    ? `${formatBytes(written!)} written to ${
      formatBytes(size)
    }: about ${percent} of what a simple SD card takes`
    : `the medium says that ${percent} of its life are used`;
  if (share >= 1) return fault("wear", found, "copy the data and replace the card");
  if (share >= 0.6) {
    return warn("wear", found, "plan to replace the card; storage.commit_interval_ms spares it");
  }
  return fine("wear", found);
}

/** Of the disk that a partition is on; null for what is no disk. */
async function wearFacts({ ask, read }: Surroundings, { device }: Mount): Promise<WearFacts | null> {
  const folder = (await ask(["readlink", "-f", `/sys/dev/block/${device}`]))?.trim();
  if (folder === undefined || folder.includes("/virtual/")) return null;
  const name = folder.split("/").at(-1)!;
  const disk = read(`${folder}/partition`) === undefined ? folder : folder.replace(/\/[^/]*$/, "");
  const sectors = Number(read(`${disk}/size`) ?? 0);
  if (sectors === 0) return null;
  const lifetime = read(`/sys/fs/ext4/${name}/lifetime_write_kbytes`);
  return {
    written: lifetime === undefined ? null : Number(lifetime) * 1024,
    size: sectors * SECTOR_BYTES,
    used: lifeUsed(read(`${disk}/device/life_time`)),
  };
}

/** An eMMC tells in tenths how far its two kinds of memory are used: `0x03 0x01` is at most 30 %. */
function lifeUsed(text: string | undefined): number | null {
  const tenths = (text ?? "").trim().split(/\s+/).map(Number).filter((tenth) => tenth >= 1 && tenth <= 11);
  return tenths.length === 0 ? null : Math.max(...tenths) / 10;
}
