// Runs in: main thread.

/** The lines of a file, without their ends. */
export async function* linesOf(path: string): AsyncGenerator<string, void, void> {
  using file = await Deno.open(path);
  const splitter = createSplitter();
  const buffer = new Uint8Array(65_536);
  for (let size; (size = await file.read(buffer)) !== null;) yield* splitter(buffer.subarray(0, size));
}

export interface FollowOptions {
  /** The folder that the files lie in. */
  directory: string;
  /** Called whenever something in the folder changed. */
  currentFile: () => string;
  /** Whether the lines that are there already count. */
  from: "start" | "end";
}

/** The lines of whichever file is the current one, as they are appended; moves on when another becomes it. */
export async function* followedLines(
  { directory, currentFile, from }: FollowOptions,
): AsyncGenerator<string, void, void> {
  using changes = Deno.watchFs(directory);
  let path = currentFile();
  let offset = from === "start" ? 0 : sizeOf(path);
  let splitter = createSplitter();
  const readMore = function* () {
    for (const bytes of bytesAfter(path, offset)) {
      offset += bytes.length;
      yield* splitter(bytes);
    }
  };
  yield* readMore();
  for await (const _change of changes) {
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
