// Runs in: release worker.
import type { ReleaseFile } from "../shared/release.ts";
import { ReleaseError } from "./errors.ts";
import { digestOf, removeIfThere, sizeOf, writeAll } from "./files.ts";
import type { Remote } from "./http.ts";
import { type Count, type Pace, persist, receive } from "./incoming.ts";

export interface WholeFileOptions {
  remote: Remote;
  file: ReleaseFile;
  /** Where to put it. What an earlier attempt left there, in this process or another, is gone on with. */
  path: string;
  pace: Pace;
  count: Count;
}

/**
 * Fetches a whole file, going on where a broken connection or a restart left off.
 *
 * @throws {ReleaseError} also when it is not the file that was signed.
 */
export async function fetchWhole(options: WholeFileOptions): Promise<void> {
  const { file, path, pace } = options;
  const validatorFile = `${path}.validator`;
  const wasBegun = sizeOf(path) > 0;
  await persist(pace, () => sizeOf(path), () => fetchRest(options, validatorFile));
  const isRight = await digestOf(path) === file.sha256;
  removeIfThere(validatorFile);
  if (isRight) return;
  removeIfThere(path);
  if (wasBegun) return await fetchWhole(options); // the beginning was another file's
  throw new ReleaseError(`${file.name} is not the file that was signed: its SHA-256 differs`, {
    mayMend: false,
  });
}

async function fetchRest(options: WholeFileOptions, validatorFile: string): Promise<void> {
  const { file, path } = options;
  if (sizeOf(path) > file.sizeBytes) removeIfThere(path);
  const have = sizeOf(path);
  if (have === file.sizeBytes) return;
  using target = await Deno.open(path, { write: true, create: true });
  let at = 0;
  await receive({ ...options, headers: rangeHeaders(have, validatorFile) }, async (response) => {
    at = response.status === 206 ? checkStart(response, have) : 0;
    await target.truncate(at);
    await target.seek(at, Deno.SeekMode.Start);
    keepValidator(response, validatorFile);
  }, async (piece) => {
    at += piece.length;
    if (at > file.sizeBytes) {
      throw new ReleaseError(`${file.name} is longer than the ${file.sizeBytes} bytes that were signed`, {
        mayMend: false,
      });
    }
    await writeAll(target, piece);
  });
  if (at < file.sizeBytes) {
    throw new ReleaseError(`the connection broke after ${at} of ${file.sizeBytes} bytes`, { mayMend: true });
  }
  await target.sync();
}

function rangeHeaders(have: number, validatorFile: string): Record<string, string> {
  if (have === 0) return {};
  const range = { range: `bytes=${have}-` };
  return sizeOf(validatorFile) === 0 ? range : { ...range, "if-range": Deno.readTextFileSync(validatorFile) };
}

/** @throws {ReleaseError} when the server sends another part than it was asked for. */
function checkStart({ headers }: Response, have: number): number {
  const range = headers.get("content-range") ?? "";
  if (range.startsWith(`bytes ${have}-`)) return have;
  throw new ReleaseError(`the server sends "${range}" instead of what follows byte ${have}`, {
    mayMend: true,
  });
}

/** Weak validators do not promise the same bytes. */
function keepValidator({ headers }: Response, validatorFile: string): void {
  const tag = headers.get("etag");
  const validator = tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
  if (validator === null) removeIfThere(validatorFile);
  else Deno.writeTextFileSync(validatorFile, validator);
}
