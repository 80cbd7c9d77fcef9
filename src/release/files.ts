// Runs in: release worker.
import { createHash } from "node:crypto";
import { BLOCK_BYTES } from "../shared/blocks.ts";

/** Size of a file in bytes; 0 when there is none. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The SHA-256 of a file, in hexadecimal digits. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const block of blocksOf(path)) hash.update(block);
  return hash.digest("hex");
}

/**
 * The blocks of a file from a byte on, one after the other, in a buffer that is used again; none when there is no file.
 */
export async function* blocksOf(path: string, offset = 0): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (sizeOf(path) === 0) return;
  using file = await Deno.open(path);
  await file.seek(offset, Deno.SeekMode.Start);
  for (const buffer = new Uint8Array(BLOCK_BYTES);;) {
    let length = 0;
    for (let read; length < BLOCK_BYTES && (read = await file.read(buffer.subarray(length))); length += read);
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Gives the memory of a piece back at once: the garbage collector lets 64 MB of them come together first. Nobody may look
 * at the piece afterwards.
 */
export function letGo(piece: Uint8Array<ArrayBuffer>): void {
  piece.buffer.transfer(0);
}

/** Writes all of the bytes at the file's position. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
