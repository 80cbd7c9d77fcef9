// Runs in: main thread.
import { pause } from "../shared/time.ts";

export interface FollowOptions {
  /** The folder that the files lie in. */
  directory: string;
  /** Called whenever something in the folder changed. */
  currentFile: () => string;
  /** Where to begin: at the current file's end, or at an offset of the file that was the current one a moment ago. */
  from: "end" | { path: string; offset: number };
}

/** How long a folder that was replaced may go unnoticed: nothing tells of it, in milliseconds. */
const LOOK_EVERY_MS = 1000;

/**
 * The lines of whichever file is the current one, as they are appended; moves on when another becomes it, also one of
 * the same name in a folder that was made again.
 */
export async function* followedLines(
  { directory, currentFile, from }: FollowOptions,
): AsyncGenerator<string, void, void> {
  using follower = new Follower(from === "end" ? currentFile() : from.path);
  follower.begin(from === "end" ? "end" : from.offset);
  for await (const _change of changesIn(directory)) yield* follower.catchUp(currentFile());
}

/** Yields at once, and then whenever something may have changed in the folder, which may come and go. */
async function* changesIn(directory: string): AsyncGenerator<void, void, void> {
  while (true) {
    const watched = inodeOf(directory);
    using watcher = watched === undefined ? undefined : Deno.watchFs(directory);
    const changes = watcher?.[Symbol.asyncIterator]();
    let change = changes?.next();
    do {
      yield;
      const over = new AbortController();
      const isTime = pause(LOOK_EVERY_MS, over.signal);
      const hasChanged = await Promise.race([isTime.then(() => false), change?.then(() => true) ?? isTime]);
      over.abort();
      if (hasChanged) change = changes?.next();
    } while (inodeOf(directory) === watched);
  }
}

/** Reads what is appended to a file; one that was removed or renamed is read to its end. */
class Follower implements Disposable {
  #path: string;
  #file: Deno.FsFile | undefined;
  #split = createSplitter();

  constructor(path: string) {
    this.#path = path;
  }

  begin(offset: number | "end"): void {
    this.#file = openIfThere(this.#path);
    if (offset === "end") this.#file?.seekSync(0, Deno.SeekMode.End);
    else this.#file?.seekSync(offset, Deno.SeekMode.Start);
  }

  *catchUp(newest: string): Generator<string> {
    yield* this.#rest();
    const inode = inodeOf(newest);
    if (inode === undefined || inode === nameOf(this.#file?.statSync())) return;
    this.#file?.close();
    this.#path = newest;
    this.#split = createSplitter();
    this.begin(0);
    yield* this.#rest();
  }

  *#rest(): Generator<string> {
    const file = this.#file;
    if (file === undefined) return;
    if (file.statSync().size < file.seekSync(0, Deno.SeekMode.Current)) file.seekSync(0, Deno.SeekMode.Start);
    const buffer = new Uint8Array(65_536);
    for (let size; (size = file.readSync(buffer)) !== null;) yield* this.#split(buffer.slice(0, size));
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}

function openIfThere(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function inodeOf(path: string): string | undefined {
  try {
    return nameOf(Deno.statSync(path));
  } catch {
    return undefined; // not there, or not yet
  }
}

/** Tells one file from another on this machine. */
function nameOf(info: Deno.FileInfo | undefined): string | undefined {
  return info === undefined ? undefined : `${info.dev}:${info.ino}`;
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
