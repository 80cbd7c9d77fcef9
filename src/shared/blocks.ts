// Runs in: any thread.

/** Length of a block, in bytes; the last block of a file may be shorter. */
export const BLOCK_BYTES = 65_536;

/** No list of blocks is longer as text: enough for a file of 1 GB. */
export const MAX_BLOCK_LIST_BYTES = 1_500_000;

/** `blocks-TARGET.json`: what each block of a binary is, so that a node can reuse those that it has. */
export interface BlockList {
  size_bytes: number;
  block_bytes: number;
  /** SHA-256 of each block, in hexadecimal digits. */
  sha256: string[];
  /** {@link weakSum} of each block: finds blocks that have moved by a few bytes. */
  weak: number[];
}

/** The two halves of a sum over a window of bytes that can be moved on by a byte cheaply, as rsync does it. */
export interface WeakSum {
  low: number;
  high: number;
}

/** The sum of a window of `length` bytes from `start` on. */
export function weakSum(bytes: Uint8Array, start: number, length: number): WeakSum {
  let low = 0;
  let high = 0;
  for (let i = start; i < start + length; i++) {
    low = (low + bytes[i]!) & 0xffff;
    high = (high + low) & 0xffff;
  }
  return { low, high };
}

/** Moves a window of `length` bytes on by one: `leaving` falls out, `entering` comes in. */
export function rollWeakSum(sum: WeakSum, length: number, leaving: number, entering: number): void {
  sum.low = (sum.low - leaving + entering) & 0xffff;
  sum.high = (sum.high - length * leaving + sum.low) & 0xffff;
}

export function weakNumber({ low, high }: WeakSum): number {
  return high * 65_536 + low;
}

/** @throws {TypeError} when the text is no list of blocks. */
export function parseBlockList(text: string): BlockList {
  const list = JSON.parse(text) as BlockList;
  const isList = list?.block_bytes === BLOCK_BYTES && Number.isSafeInteger(list.size_bytes) &&
    Array.isArray(list.sha256) && list.sha256.length === Math.ceil(list.size_bytes / BLOCK_BYTES) &&
    list.sha256.every((digest) => /^[0-9a-f]{64}$/.test(digest)) &&
    Array.isArray(list.weak) && list.weak.length === list.sha256.length;
  if (!isList) throw new TypeError("it is no list of blocks");
  return list;
}
