// Runs in: any thread.

/**
 * A package is a release for one kind of machine in one file, for servers that hand out nothing but files: a tar archive
 * that begins with the list of files and its signatures, so that a node can refuse it before it has fetched the rest.
 */
export const PACKAGE_BLOCK_BYTES = 512;
/** The list of files and the signatures end before this place. */
export const MAX_PACKAGE_HEAD_BYTES = 262_144;

/** A file in a package. */
export interface PackageEntry {
  name: string;
  sizeBytes: number;
  /** Where its bytes begin in the package. */
  offset: number;
}

/** The name of a target's package. */
export function packageName(target: string): string {
  return `package-${target}.tar`;
}

/** The block before a file, as POSIX `ustar` wants it. */
export function packageHeader(
  { name, sizeBytes }: Pick<PackageEntry, "name" | "sizeBytes">,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(PACKAGE_BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  put(name, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7) + octal(0, 7), 108);
  put(octal(sizeBytes, 11) + octal(0, 11), 124);
  put("        0", 148);
  put("ustar\x0000", 257);
  put(`${octal(sumOf(block), 6)} `, 148);
  return block;
}

/**
 * Reads the block at `offset`.
 *
 * @returns undefined where the archive ends.
 * @throws {TypeError} when it is no header.
 */
export function readPackageHeader(block: Uint8Array, offset: number): PackageEntry | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = (at: number, length: number) =>
    new TextDecoder().decode(block.subarray(at, at + length)).replace(/[\0 ].*$/s, "");
  const [size, sum] = [text(124, 12), text(148, 8).trim()];
  const spaced = block.slice();
  spaced.fill(32, 148, 156);
  const isHeader = block.length === PACKAGE_BLOCK_BYTES && /^[0-7]{1,11}$/.test(size) &&
    parseInt(sum, 8) === sumOf(spaced);
  if (!isHeader) throw new TypeError("it is no tar archive");
  return { name: text(0, 100), sizeBytes: parseInt(size, 8), offset: offset + PACKAGE_BLOCK_BYTES };
}

/** Where the next header is. */
export function endOf({ offset, sizeBytes }: Omit<PackageEntry, "name">): number {
  return offset + Math.ceil(sizeBytes / PACKAGE_BLOCK_BYTES) * PACKAGE_BLOCK_BYTES;
}

function sumOf(block: Uint8Array): number {
  return block.reduce((sum, byte) => sum + byte, 0);
}
