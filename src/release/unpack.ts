// Runs in: release worker.
import type { ReleaseFile } from "../shared/release.ts";
import { ReleaseError } from "./errors.ts";
import { blocksOf, digestOf, letGo, removeIfThere, writeAll } from "./files.ts";

/**
 * Unpacks a gzip file, never to more than the signed size.
 *
 * @throws {ReleaseError} when the outcome is not the file that was signed.
 */
export async function unpack(from: string, to: string, file: ReleaseFile): Promise<void> {
  try {
    await unpackTo(to, from, file.sizeBytes);
  } catch (cause) {
    removeIfThere(to);
    const mayMend = /No space|os error 28/.test(String(cause));
    throw new ReleaseError(`${file.name}.gz cannot be unpacked`, { mayMend, cause });
  }
  if (await digestOf(to) === file.sha256) return;
  removeIfThere(to);
  throw new ReleaseError(`what ${file.name}.gz holds is not the file that was signed`, { mayMend: false });
}

async function unpackTo(to: string, from: string, maxBytes: number): Promise<void> {
  using target = await Deno.create(to);
  const { readable, writable } = new DecompressionStream("gzip");
  const fed = feed(from, writable);
  fed.catch(() => {}); // who reads learns of it
  let sizeBytes = 0;
  for await (const piece of readable) {
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) throw new Error(`more than ${maxBytes} bytes come out`);
    await writeAll(target, piece);
    letGo(piece);
  }
  await fed;
  await target.sync();
}

/** Block by block in one buffer: a write is over when its bytes have been read. */
async function feed(path: string, writable: WritableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const block of blocksOf(path)) await writer.write(block);
    await writer.close();
  } catch (error) {
    await writer.abort(error);
    throw error;
  }
}
