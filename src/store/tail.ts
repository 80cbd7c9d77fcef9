// Runs in: store worker.

const CHUNK_BYTES = 65_536;
const LINE_END = 10;

/**
 * The lines of a file from the last to the first, read in chunks from the end, so that its size does not matter.
 *
 * @param onTorn Called with the number of good bytes when the file does not end with a line end.
 */
export function* lastLines(file: Deno.FsFile, onTorn: (goodBytes: number) => void): Generator<string> {
  const decoder = new TextDecoder();
  let position = file.statSync().size;
  let rest = new Uint8Array(0); // the beginning of the line that is not complete yet
  let first = true;
  while (position > 0) {
    const size = Math.min(CHUNK_BYTES, position);
    position -= size;
    const chunk = concatenate(readAt(file, position, size), rest);
    let end = chunk.length;
    for (let index = chunk.length - 1; index >= 0; index--) {
      if (chunk[index] !== LINE_END) continue;
      if (first) {
        first = false;
        if (index + 1 < chunk.length) onTorn(position + index + 1);
      } else yield decoder.decode(chunk.subarray(index + 1, end));
      end = index;
    }
    rest = chunk.slice(0, end);
  }
  if (first && rest.length > 0) onTorn(0);
  else if (rest.length > 0) yield decoder.decode(rest);
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
