// Runs in: store worker.

/** At most `count` bytes of a file from an offset on; none when there is no such file. */
export function readBytes(path: string, offset: number, count: number): Uint8Array {
  try {
    using file = Deno.openSync(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array(0);
    throw error;
  }
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
