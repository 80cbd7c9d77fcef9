// Runs in: benchmarks.
import { join } from "@std/path";
import { bodyOf, TestStore } from "../support/test_store.ts";
import type { BenchRow } from "./row.ts";

const MESSAGES = 300;
/** One message every this many milliseconds: enough to see the interval at work, quick enough to measure. */
const EVERY_MS = 20;
const TEXT = `a message of about the usual length: ${"x".repeat(70)}`;
const SECTOR_BYTES = 512;

/** Bytes that this process has caused to be written to disks, as the kernel counts them. */
function writtenByProcess(): number {
  return Number(/^write_bytes: (\d+)/m.exec(Deno.readTextFileSync("/proc/self/io"))![1]);
}

/** A small ext4 file system of its own in a file, whose every sector is counted: journal and inodes too. */
class LoopDisk {
  readonly folder: string;
  #image: string;
  #device: string;

  constructor(folder: string) {
    this.folder = join(folder, "disk");
    this.#image = join(folder, "disk.img");
    Deno.mkdirSync(this.folder);
    run("truncate", "-s", "64M", this.#image);
    run("mkfs.ext4", "-q", this.#image);
    run("mount", "-o", "loop", this.#image, this.folder);
    this.#device = run("losetup", "-j", this.#image).split(":")[0]!.replace("/dev/", "");
  }

  written(): number {
    run("sync", "-f", this.folder);
    const fields = Deno.readTextFileSync(`/sys/block/${this.#device}/stat`).trim().split(/\s+/);
    return Number(fields[6]) * SECTOR_BYTES;
  }

  close(): void {
    run("umount", this.folder);
  }
}

function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

/** What one message costs on the disk, by how long a commit waits for more. */
async function bytesPerMessage(
  intervalMs: number,
  directory: string,
  written: () => number,
): Promise<number> {
  const test = new TestStore({ directory });
  const settings = { ...test.options().settings, commit_interval_ms: intervalMs };
  await test.open({ settings, now: () => Date.now(), monotonic: () => performance.now() });
  const before = written();
  const sent: Promise<void>[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    sent.push(test.send("data", TEXT));
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  await Promise.all(sent);
  await test.store.close();
  const bytes = written() - before;
  await test[Symbol.asyncDispose]();
  return bytes / MESSAGES;
}

/** Bytes written to the disk per message of about 110 bytes, 50 messages a second. */
export async function benchWear(): Promise<BenchRow[]> {
  const folder = await Deno.makeTempDir({ prefix: "ivy_bench_wear_" });
  const limit = bodyOf("data", TEXT).length + 50;
  const rows: BenchRow[] = [];
  const measure = async (how: string, at: string, written: () => number) => {
    for (const intervalMs of [0, 1000, 10_000]) {
      const value = await bytesPerMessage(intervalMs, join(at, String(intervalMs)), written);
      const name = `written per message, commit_interval_ms ${intervalMs}, ${how}`;
      rows.push({ name, value, unit: "bytes", limit, limitName: "its line" });
    }
  };
  await measure("by the process", folder, writtenByProcess);
  try {
    const disk = new LoopDisk(folder);
    await measure("on an ext4 of its own", disk.folder, () => disk.written());
    disk.close();
  } catch (error) {
    rows.push({
      name: `an ext4 of its own cannot be mounted here (${(error as Error).message})`,
      value: 0,
      unit: "",
    });
  }
  await Deno.remove(folder, { recursive: true });
  return rows;
}
