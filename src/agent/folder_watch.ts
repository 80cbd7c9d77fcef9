// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { join } from "@std/path";
import { followLinks } from "./files.ts";
import type { Paths } from "./paths.ts";
import { leadsTo, type RunLock } from "./run_lock.ts";

const LOOK_EVERY_MS = 1000;

/** What the agent does when something is not what its name leads to any more. */
export interface FolderWatchOptions {
  paths: Paths;
  lock: RunLock;
  logger: Logger;
  /** Makes again what it has open; returns sentences about what was made. */
  renew: (() => Promise<string[]> | string[])[];
  /** The root belongs to somebody else, or to nobody: this agent must end and touch nothing there. */
  onRootLost: (reason: string) => void;
  /** The data folder is another one: this agent must start anew with it. */
  onDataLost: (reason: string) => void;
}

/**
 * Looks every second whether the node's folder, its data, lock and socket are still what this agent has open, by device
 * and inode against the name. What was removed, renamed or replaced is made again, and logged.
 */
export class FolderWatch {
  #options: FolderWatchOptions;
  /** Open, so that its inode is given to nothing else. */
  #data: Deno.FsFile;
  #timer: ReturnType<typeof setInterval>;
  #looking: Promise<void> = Promise.resolve();
  #isLooking = false;
  #isClosed = false;
  #lastFailure = "";

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#data = Deno.openSync(options.paths.data);
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  /** Looks at once; nothing is looked at any more when it is closed. */
  async look(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isLooking) return await this.#looking;
    this.#isLooking = true;
    this.#looking = this.#look().finally(() => this.#isLooking = false);
    await this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#looking;
    this.#data.close();
  }

  async #look(): Promise<void> {
    const { paths: { root, data }, lock, logger, renew, onRootLost, onDataLost } = this.#options;
    try {
      if (!lock.holdsRoot) {
        return onRootLost(
          `${root} was removed, renamed or replaced while Ivy ran: start Ivy where it is now`,
        );
      }
      if (!leadsTo(followLinks(join(root, "data")), this.#data)) {
        return onDataLost(`${data} was removed, renamed or replaced while Ivy ran`);
      }
      const made: string[] = [];
      for (const again of renew) made.push(...await again());
      made.push(...await lock.tellPid());
      for (const path of made) {
        logger.warning(`${path} was removed or replaced while Ivy ran; it is made again`);
      }
      this.#lastFailure = "";
    } catch (error) {
      const failure = sentenceOf(error);
      if (failure !== this.#lastFailure) logger.error(`what was removed could not be made again: ${failure}`);
      this.#lastFailure = failure;
    }
  }
}
