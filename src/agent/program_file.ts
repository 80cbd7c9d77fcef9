// Runs in: main thread.
import { Buffer } from "node:buffer";

const PIECE_BYTES = 1_048_576;

/**
 * Whether a file is a program that the kernel takes: not empty, executable, and ELF or a script that names its
 * interpreter. What a power cut leaves of a binary often is not, and a shell would run an empty file and succeed. The
 * launcher asks the same.
 */
export function isProgram(path: string): boolean {
  try {
    const { isFile, size, mode } = Deno.statSync(path);
    if (!isFile || size === 0 || ((mode ?? 0) & 0o111) === 0) return false;
    using file = Deno.openSync(path);
    const start = new Uint8Array(4);
    file.readSync(start);
    const text = new TextDecoder("latin1").decode(start);
    return text === "\x7fELF" || text.startsWith("#!");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a file can be executed and holds every byte of a program. */
export function holdsProgram(path: string, program: string): boolean {
  const [found, wanted] = [statOf(path), Deno.statSync(program)];
  if (found === undefined || !found.isFile || found.size !== wanted.size) return false;
  if (((found.mode ?? 0) & 0o111) === 0) return false;
  const isSameFile = found.ino === wanted.ino && found.dev === wanted.dev;
  return isSameFile || haveSameContent(path, program);
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Of two files of the same size. */
function haveSameContent(one: string, other: string): boolean {
  using first = Deno.openSync(one);
  using second = Deno.openSync(other);
  const [a, b] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  for (;;) {
    const count = fill(first, a);
    if (fill(second, b) !== count) return false;
    if (count === 0) return true;
    if (Buffer.compare(a.subarray(0, count), b.subarray(0, count)) !== 0) return false;
  }
}

/** Reads until the buffer is full or the file ends. @returns how many bytes were read. */
function fill(file: Deno.FsFile, buffer: Uint8Array): number {
  let filled = 0;
  for (let read; filled < buffer.length && (read = file.readSync(buffer.subarray(filled))); filled += read);
  return filled;
}
