// Runs in: main thread.

export interface FollowOptions {
  /** The folder that the files lie in. */
  directory: string;
  /** Called whenever something in the folder changed. */
  currentFile: () => string;
  /** Where to begin: at the current file's end, or at an offset of the file that was the current one a moment ago. */
  from: "end" | { path: string; offset: number };
}

/** The lines of whichever file is the current one, as they are appended; moves on when another becomes it. */
export async function* followedLines(
  { directory, currentFile, from }: FollowOptions,
): AsyncGenerator<string, void, void> {
  using changes = Deno.watchFs(directory);
  let { path, offset } = from === "end" ? endOf(currentFile()) : from;
  let splitter = createSplitter();
  const readMore = function* () {
    for (const bytes of bytesAfter(path, offset)) {
      offset += bytes.length;
      yield* splitter(bytes);
    }
  };
  const catchUp = function* () {
    yield* readMore();
    const newest = currentFile();
    if (newest === path) return;
    path = newest;
    offset = 0;
    splitter = createSplitter();
    yield* readMore();
  };
  yield* catchUp();
  for await (const _change of changes) yield* catchUp();
}

function endOf(path: string): { path: string; offset: number } {
  return { path, offset: sizeOf(path) };
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
