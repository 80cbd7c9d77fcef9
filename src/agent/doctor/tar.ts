// Runs in: main thread.

/** A file of an archive. */
export interface TarFile {
  /** At most 100 bytes, without a leading slash. */
  name: string;
  text: string;
}

const BLOCK_BYTES = 512;

/**
 * A tar archive in the POSIX format (ustar, see pax(1)): plain files, readable by their owner alone.
 *
 * @param timeSeconds Unix time that all files carry.
 * @throws {RangeError} for a name that is too long.
 */
export function tarOf(files: TarFile[], timeSeconds: number): Uint8Array<ArrayBuffer>[] {
  const encoder = new TextEncoder();
  const blocks = files.flatMap(({ name, text }) => {
    const content = encoder.encode(text) as Uint8Array<ArrayBuffer>;
    const padding = new Uint8Array((BLOCK_BYTES - content.length % BLOCK_BYTES) % BLOCK_BYTES);
    return [headerOf(name, content.length, timeSeconds), content, padding];
  });
  return [...blocks, new Uint8Array(2 * BLOCK_BYTES)];
}

function headerOf(name: string, sizeBytes: number, timeSeconds: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, offset: number) => void header.set(new TextEncoder().encode(text), offset);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  if (new TextEncoder().encode(name).length > 100) {
    throw new RangeError(`the name ${name} is too long for an archive`);
  }
  put(name, 0);
  put(octal(0o600, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(sizeBytes, 11), 124);
  put(octal(timeSeconds, 11), 136);
  put(" ".repeat(8), 148); // the checksum counts itself as blanks
  put("0ustar\x0000", 156);
  header.copyWithin(257, 157, 165);
  header.fill(0, 157, 165);
  put(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)}\x00 `, 148);
  return header;
}
