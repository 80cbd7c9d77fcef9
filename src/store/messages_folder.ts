// Runs in: store worker.
import { dirname } from "node:path";
import { lookAt, putAside, syncFolder } from "./disk.ts";

export interface MessagesFolderOptions {
  /** Unix milliseconds; names what is put aside. Default: the clock. */
  now?: () => number;
  /** Told when something else had the name of a daily file, or of their folder. */
  onPutAside?: (sentence: string) => void;
}

/** The folder of the daily files, which somebody may remove or replace at any moment. */
export class MessagesFolder {
  readonly path: string;
  #options: MessagesFolderOptions;

  /** @param path `<root>/data/messages` */
  constructor(path: string, options: MessagesFolderOptions = {}) {
    this.path = path;
    this.#options = options;
  }

  /** Makes the folder when it is not there. A link to a folder is as good as a folder. */
  make(): void {
    if (isFolder(this.path)) return;
    if (lookAt(this.path) !== undefined) this.putAside(this.path);
    Deno.mkdirSync(this.path, { recursive: true });
    syncFolder(dirname(this.path)); // a crash may have come between making it and this
  }

  /** Moves away what has a name that a file or the folder needs, and would keep every later message out of them. */
  putAside(path: string): void {
    const { now = Date.now, onPutAside = () => {} } = this.#options;
    const kept = putAside(path, now());
    onPutAside(`${path} was not what this program makes; it has been moved to ${kept}`);
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // nothing, or a link that leads nowhere
  }
}
