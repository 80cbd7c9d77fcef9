// Runs in: store worker.
import { parseLine } from "../shared/message_line.ts";

const CHUNK_BYTES = 65_536;
const LINE_END = 10;

/** A line and where it ends. */
export interface TailLine {
  text: string;
  /** Offset of the first byte behind its line end. */
  endBytes: number;
}

/**
 * The lines of a file from the last to the first, read in chunks from the end, so that its size does not matter. A
 * last line without its line end is left out.
 */
export function* lastLines(file: Deno.FsFile): Generator<TailLine> {
  const decoder = new TextDecoder();
  let position = endOf(file);
  let rest = new Uint8Array(0); // the beginning of the line that is not complete yet
  let isFirst = true;
  while (position > 0) {
    const size = Math.min(CHUNK_BYTES, position);
    position -= size;
    const chunk = concatenate(readAt(file, position, size), rest);
    let end = chunk.length;
    for (let index = chunk.length - 1; index >= 0; index--) {
      if (chunk[index] !== LINE_END) continue;
      if (!isFirst) {
        const text = decoder.decode(chunk.subarray(index + 1, end));
        yield { text, endBytes: position + end + 1 };
      }
      isFirst = false;
      end = index;
    }
    rest = chunk.slice(0, end);
  }
  if (!isFirst) yield { text: decoder.decode(rest), endBytes: rest.length + 1 };
}

/** Makes a file end with a whole line: one that is torn is cut off, one that lacks only its line end gets it. */
export function mendEnd(file: Deno.FsFile): void {
  const size = endOf(file);
  const whole = lastLines(file).next().value?.endBytes ?? 0;
  if (whole === size) return;
  const rest = new TextDecoder().decode(readAt(file, whole, size - whole));
  if (parseLine(rest) === undefined) file.truncateSync(whole);
  else file.writeSync(Uint8Array.of(LINE_END));
}

/** The size of a file in bytes. Unlike `stat`, this may be asked of one that a link has led to. */
export function endOf(file: Deno.FsFile): number {
  return file.seekSync(0, Deno.SeekMode.End);
}

function readAt(file: Deno.FsFile, position: number, size: number): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(size);
  file.seekSync(position, Deno.SeekMode.Start);
  for (let done = 0; done < size;) {
    const count = file.readSync(buffer.subarray(done));
    if (count === null) break;
    done += count;
  }
  return buffer;
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
