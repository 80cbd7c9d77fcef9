// Runs in: tests.
import { join } from "@std/path";
import { skipBecause } from "./needs.ts";

/** A file system of its own, in memory, that a test may fill or make read-only. */
export class SmallDisk implements Disposable {
  readonly path: string;

  /**
   * @param path Where to mount it; default: a folder of its own.
   * @throws {Error} when this user may not mount; see {@link mayMount}.
   */
  constructor(sizeBytes: number, path = Deno.makeTempDirSync({ prefix: "ivy-disk-" })) {
    this.path = path;
    Deno.mkdirSync(path, { recursive: true });
    mount("-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", this.path);
  }

  makeReadOnly(): void {
    this.remount("ro");
  }

  /** @param options as `mount -o` knows them for a tmpfs */
  remount(options: string): void {
    mount("-o", `remount,${options}`, this.path);
  }

  /** Takes all space that is left. */
  fill(): void {
    using file = Deno.openSync(join(this.path, "filler"), { append: true, create: true });
    try {
      for (let size = 65_536; size >= 1; size /= 16) writeUntilFull(file, size);
    } catch (error) {
      if (!/No space/.test(String(error))) throw error;
    }
  }

  /** Gives it back. */
  empty(): void {
    Deno.removeSync(join(this.path, "filler"));
  }

  [Symbol.dispose](): void {
    new Deno.Command("umount", { args: ["--lazy", this.path] }).outputSync();
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Whether this user may mount; where not, the reason is noted. */
export function mayMount(): boolean {
  try {
    using _disk = new SmallDisk(65_536);
    return true;
  } catch (error) {
    skipBecause(`file systems cannot be mounted here: ${(error as Error).message}`);
    return false;
  }
}

function writeUntilFull(file: Deno.FsFile, sizeBytes: number): void {
  const bytes = new Uint8Array(sizeBytes);
  try {
    while (file.writeSync(bytes) === sizeBytes);
  } catch (error) {
    if (sizeBytes === 1 || !/No space/.test(String(error))) throw error;
  }
}

function mount(...args: string[]): void {
  const { success, stderr } = new Deno.Command("mount", { args, stderr: "piped" }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}
