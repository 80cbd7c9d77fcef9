// Runs in: main thread.

/** The lines of a file, without their ends. */
export async function* linesOf(path: string): AsyncGenerator<string, void, void> {
  using file = await Deno.open(path);
  const splitter = createSplitter();
  const buffer = new Uint8Array(65_536);
  for (let size; (size = await file.read(buffer)) !== null;) yield* splitter(buffer.subarray(0, size));
}

/**
 * The lines that are appended from now on to whichever file is the current one; moves on when another becomes it.
 *
 * @param directory The folder that the files lie in.
 * @param currentFile Called whenever something in the folder changed.
 */
export async function* appendedLines(
  directory: string,
  currentFile: () => string,
): AsyncGenerator<string, void, void> {
  let path = currentFile();
  let offset = sizeOf(path);
  let splitter = createSplitter();
  const readMore = function* () {
    for (const bytes of bytesAfter(path, offset)) {
      offset += bytes.length;
      yield* splitter(bytes);
    }
  };
  for await (const _event of Deno.watchFs(directory)) {
    yield* readMore();
    const newest = currentFile();
    if (newest === path) continue;
    path = newest;
    offset = 0;
    splitter = createSplitter();
    yield* readMore();
  }
}

function* bytesAfter(path: string, offset: number): Generator<Uint8Array> {
  if (sizeOf(path) <= offset) return;
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  const buffer = new Uint8Array(65_536);
  for (let size; (size = file.readSync(buffer)) !== null;) yield buffer.slice(0, size);
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0; // not there yet
  }
}

/** Cuts chunks of bytes into lines, also where a character or a line spans two chunks. */
function createSplitter(): (bytes: Uint8Array) => string[] {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    return lines;
  };
}
