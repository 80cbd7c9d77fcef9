// Runs in: tests.
import { assertEquals } from "@std/assert";
import { diskLimits } from "../../src/shared/disk_limits.ts";

const MB = 1e6;
const GB = 1e9;

type Case = [
  name: string,
  set: Parameters<typeof diskLimits>[0],
  sizeBytes: number,
  limits: [number, number],
];

const FITTING: Case[] = [
  ["nothing set, a large card", {}, 32 * GB, [200 * MB, 1024 * MB]],
  ["nothing set, 4 GB: 5 % are 200 MB", {}, 4 * GB, [200 * MB, 1024 * MB]],
  ["nothing set, 1 GB", {}, GB, [50 * MB, 500 * MB]],
  ["nothing set, 120 MB", {}, 120 * MB, [6 * MB, 60 * MB]],
  ["nothing set, no disk at all", {}, 0, [0, 0]],
  ["set and kept", { min_free_mb: 300, max_outbox_mb: 5000 }, 8 * GB, [300 * MB, 5000 * MB]],
  ["a limit of nothing is one", { min_free_mb: 0, max_outbox_mb: 1 }, 120 * MB, [0, MB]],
  ["half of the disk still fits", { min_free_mb: 60, max_outbox_mb: 120 }, 120 * MB, [60 * MB, 120 * MB]],
];

for (const [name, set, sizeBytes, [minFreeBytes, maxOutboxBytes]] of FITTING) {
  Deno.test(`limits of a disk: ${name}`, () => {
    assertEquals(diskLimits(set, sizeBytes), { minFreeBytes, maxOutboxBytes, warnings: [] });
  });
}

Deno.test("limits of a disk: what 0.1 had by default, written into a configuration, on a small partition", () => {
  assertEquals(diskLimits({ min_free_mb: 200, max_outbox_mb: 1024 }, 120 * MB), {
    minFreeBytes: 6 * MB,
    maxOutboxBytes: 60 * MB,
    warnings: [
      "storage.min_free_mb is 200, and the disk has 120 MB: 6.0 MB count instead; leave it out, or set at most 60",
      "storage.max_outbox_mb is 1024, and the disk has 120 MB: 60.0 MB count instead; leave it out, or set at most 120",
    ],
  });
});

Deno.test("limits of a disk: a large outbox that does not fit a large disk stays large", () => {
  const { maxOutboxBytes, warnings } = diskLimits({ max_outbox_mb: 12_000 }, 10 * GB);
  assertEquals([maxOutboxBytes, warnings.length], [5 * GB, 1]);
});
