// Runs in: tests.
import { join } from "@std/path";

/** A temporary folder that is gone when it is disposed of; in memory where that is possible, since syncs are slow. */
export class Scratch implements AsyncDisposable {
  readonly path: string;
  #copies = 0;

  constructor(prefix: string) {
    this.path = makeFolder(prefix);
  }

  /** A copy of a folder, by default with a name of its own. */
  async copyOf(folder: string, name = `copy${++this.#copies}`): Promise<string> {
    const copy = join(this.path, name);
    await copyFolder(folder, copy);
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

function makeFolder(prefix: string): string {
  try {
    return Deno.makeTempDirSync({ prefix, dir: "/dev/shm" });
  } catch {
    return Deno.makeTempDirSync({ prefix });
  }
}
