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
}

/** @throws {TypeError} when the text is no list of blocks. */
export function parseBlockList(text: string): BlockList {
  const list = JSON.parse(text) as BlockList;
  const isList = list?.block_bytes === BLOCK_BYTES && Number.isSafeInteger(list.size_bytes) &&
    Array.isArray(list.sha256) && list.sha256.length === Math.ceil(list.size_bytes / BLOCK_BYTES) &&
    list.sha256.every((digest) => /^[0-9a-f]{64}$/.test(digest));
  if (!isList) throw new TypeError("it is no list of blocks");
  return list;
}
