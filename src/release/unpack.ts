// Runs in: release worker.
import type { ReleaseFile } from "../shared/release.ts";
import { ReleaseError } from "./errors.ts";
import { digestOf, removeIfThere, writeAll } from "./files.ts";

/**
 * Unpacks a gzip file, never to more than the signed size.
 *
 * @throws {ReleaseError} when the outcome is not the file that was signed.
 */
export async function unpack(from: string, to: string, file: ReleaseFile): Promise<void> {
  try {
    using target = await Deno.create(to);
    let sizeBytes = 0;
    const source = await Deno.open(from);
    for await (const piece of source.readable.pipeThrough(new DecompressionStream("gzip"))) {
      sizeBytes += piece.length;
      if (sizeBytes > file.sizeBytes) throw new Error(`more than ${file.sizeBytes} bytes come out`);
      await writeAll(target, piece);
    }
    await target.sync();
  } catch (cause) {
    removeIfThere(to);
    const mayMend = /No space|os error 28/.test(String(cause));
    throw new ReleaseError(`${file.name}.gz cannot be unpacked`, { mayMend, cause });
  }
  if (await digestOf(to) === file.sha256) return;
  removeIfThere(to);
  throw new ReleaseError(`what ${file.name}.gz holds is not the file that was signed`, { mayMend: false });
}
