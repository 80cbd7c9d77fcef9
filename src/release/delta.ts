// Runs in: release worker.
import { BLOCK_BYTES, type BlockList, rollWeakSum, weakNumber, weakSum } from "../shared/blocks.ts";
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
/** How much of the base is searched at once for moved blocks; bounds the memory. */
const WINDOW_BLOCKS = 64;

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
  if (missing === undefined) return false;
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

/**
 * Puts every block that is known in its place.
 *
 * @returns the indices of the others; undefined when they are so many that it is another program.
 */
async function reuse(list: BlockList, base: string, path: string): Promise<Set<number> | undefined> {
  const missing = new Set(list.sha256.keys());
  let index = 0;
  for await (const block of blocksOf(path)) {
    if (list.sha256[index] === sha256(block)) missing.delete(index);
    index++;
  }
  using target = await Deno.open(path, { write: true, create: true });
  const place = async (index: number, block: Uint8Array) => {
    await target.seek(index * BLOCK_BYTES, Deno.SeekMode.Start);
    await writeAll(target, block);
    missing.delete(index);
  };
  const unused = await reuseAligned(list, base, missing, place);
  if (missing.size > list.sha256.length * MAX_MISSING_SHARE) return undefined;
  await reuseMoved({ list, base, unused, missing, place });
  return missing;
}

type Place = (index: number, block: Uint8Array) => Promise<void>;

/** Takes blocks that lie at a multiple of their length in the base. @returns the base's blocks that nobody wants. */
async function reuseAligned(
  { sha256: wanted }: BlockList,
  base: string,
  missing: Set<number>,
  place: Place,
): Promise<Set<number>> {
  const digests = new Set(wanted);
  const places = new Map<string, number[]>();
  for (const index of missing) {
    const digest = wanted[index]!;
    places.set(digest, [...places.get(digest) ?? [], index]);
  }
  const unused = new Set<number>();
  let index = 0;
  for await (const block of blocksOf(base)) {
    const digest = sha256(block);
    for (const index of places.get(digest) ?? []) await place(index, block);
    places.delete(digest);
    if (!digests.has(digest)) unused.add(index);
    index++;
  }
  return unused;
}

/** Takes blocks that lie anywhere in what is left of the base. */
async function reuseMoved(
  { list, base, unused, missing, place }: {
    list: BlockList;
    base: string;
    unused: Set<number>;
    missing: Set<number>;
    place: Place;
  },
): Promise<void> {
  using file = await Deno.open(base);
  for (const { first, last } of runsOf(unused)) {
    for (let index = first; index <= last && missing.size > 0; index += WINDOW_BLOCKS) {
      const windowBlocks = Math.min(WINDOW_BLOCKS, last - index + 1) + 1; // one more: blocks lie across its end
      const bytes = await readAt(file, index * BLOCK_BYTES, windowBlocks * BLOCK_BYTES);
      await searchWindow(bytes, list, missing, place);
    }
  }
}

async function searchWindow(
  bytes: Uint8Array<ArrayBuffer>,
  { weak, sha256: wanted }: BlockList,
  missing: Set<number>,
  place: Place,
): Promise<void> {
  const byWeak = new Map([...missing].map((index) => [weak[index]!, index]));
  const sum = weakSum(bytes, 0, Math.min(BLOCK_BYTES, bytes.length));
  for (let start = 0; start + BLOCK_BYTES <= bytes.length; start++) {
    if (start > 0) rollWeakSum(sum, BLOCK_BYTES, bytes[start - 1]!, bytes[start + BLOCK_BYTES - 1]!);
    const index = byWeak.get(weakNumber(sum));
    if (index === undefined || !missing.has(index)) continue;
    const block = bytes.subarray(start, start + BLOCK_BYTES);
    if (sha256(block) === wanted[index]) await place(index, block);
  }
}

async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  let filled = 0;
  for (let read; filled < length && (read = await file.read(bytes.subarray(filled))); filled += read);
  return bytes.subarray(0, filled);
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
