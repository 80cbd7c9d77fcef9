// Runs in: release worker.
import { BLOCK_BYTES, type BlockList } from "../shared/blocks.ts";
import type { ReleaseFile } from "../shared/release.ts";
import { NoRangesError, ReleaseError } from "./errors.ts";
import { blocksOf, digestOf, removeIfThere, sha256, writeAll } from "./files.ts";
import type { Remote } from "./http.ts";
import { type Count, type Pace, persist, receive } from "./incoming.ts";

export interface DeltaOptions {
  remote: Remote;
  file: ReleaseFile;
  list: BlockList;
  /** The binary that runs now. */
  base: string;
  /** Where to build the new one; what an earlier attempt left there is used. */
  path: string;
  pace: Pace;
  count: Count;
}

/** Above this share of missing blocks the compressed whole file is less to send. */
const MAX_MISSING_SHARE = 0.3;

/**
 * Builds a file from the blocks that are here already, and asks only for those that are not.
 *
 * @returns false when it is not worth it.
 * @throws {NoRangesError} when the server cannot send parts.
 * @throws {ReleaseError} also when the outcome is not the file that was signed.
 */
export async function fetchDelta(options: DeltaOptions): Promise<boolean> {
  const { list, file, base, path, pace } = options;
  if (list.size_bytes !== file.sizeBytes) return false;
  const missing = await reuse(list, base, path);
  if (missing.size > list.sha256.length * MAX_MISSING_SHARE) return false;
  {
    using target = await Deno.open(path, { write: true });
    await target.truncate(file.sizeBytes);
    const done = () => (list.sha256.length - missing.size) * BLOCK_BYTES;
    await persist(pace, done, async () => {
      for (const run of runsOf(missing)) await fetchRun(run, target, missing, options);
    });
    await target.sync();
  }
  if (await digestOf(path) === file.sha256) return true;
  removeIfThere(path);
  throw new ReleaseError(`the parts of ${file.name} do not make the file that was signed`, {
    mayMend: false,
  });
}

/** Puts every block that is known in its place. @returns the indices of the others. */
async function reuse({ sha256: wanted }: BlockList, base: string, path: string): Promise<Set<number>> {
  const missing = new Set(wanted.keys());
  let index = 0;
  for await (const block of blocksOf(path)) {
    if (wanted[index] === sha256(block)) missing.delete(index);
    index++;
  }
  const places = new Map<string, number[]>();
  for (const index of missing) {
    const digest = wanted[index]!;
    places.set(digest, [...places.get(digest) ?? [], index]);
  }
  using target = await Deno.open(path, { write: true, create: true });
  for await (const block of blocksOf(base)) {
    const digest = sha256(block);
    for (const index of places.get(digest) ?? []) {
      await target.seek(index * BLOCK_BYTES, Deno.SeekMode.Start);
      await writeAll(target, block);
      missing.delete(index);
    }
    places.delete(digest);
  }
  return missing;
}

/** Neighbours are asked for together. */
function runsOf(missing: Set<number>): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (const index of [...missing].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run !== undefined && run.last === index - 1) run.last = index;
    else runs.push({ first: index, last: index });
  }
  return runs;
}

async function fetchRun(
  { first, last }: { first: number; last: number },
  target: Deno.FsFile,
  missing: Set<number>,
  { list, file, ...options }: DeltaOptions,
): Promise<void> {
  const start = first * BLOCK_BYTES;
  const end = Math.min((last + 1) * BLOCK_BYTES, file.sizeBytes);
  const block = new Uint8Array(BLOCK_BYTES);
  let index = first;
  let filled = 0;
  await target.seek(start, Deno.SeekMode.Start);
  const finishBlock = async () => {
    const bytes = block.subarray(0, filled);
    if (sha256(bytes) !== list.sha256[index]) {
      throw new ReleaseError(`block ${index} of ${file.name} is not the one that was signed`, {
        mayMend: false,
      });
    }
    await writeAll(target, bytes);
    missing.delete(index++);
    filled = 0;
  };
  await receive({ ...options, headers: { range: `bytes=${start}-${end - 1}` } }, ({ status, headers }) => {
    const isPart = status === 206 && headers.get("content-range")?.startsWith(`bytes ${start}-${end - 1}/`);
    if (!isPart) throw new NoRangesError("the server does not send parts of files", { mayMend: false });
  }, async (piece) => {
    for (let rest = piece; rest.length > 0 && index <= last;) {
      const length = Math.min(rest.length, blockBytes(index, file.sizeBytes) - filled);
      block.set(rest.subarray(0, length), filled);
      filled += length;
      rest = rest.subarray(length);
      if (filled === blockBytes(index, file.sizeBytes)) await finishBlock();
    }
  });
  if (index <= last) throw new ReleaseError("the connection broke within a part", { mayMend: true });
}

function blockBytes(index: number, sizeBytes: number): number {
  return Math.min(BLOCK_BYTES, sizeBytes - index * BLOCK_BYTES);
}
