// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { isVolatile, type StateFields } from "../shared/state_fields.ts";
import { pause } from "../shared/time.ts";
import { version as running } from "../shared/version.ts";
import type { StateAuthority } from "./state_authority.ts";
import { isDamage, setAside, StateFile } from "./state_file.ts";
import { fitStored } from "./state_fit.ts";

/** How often the state is written at most, in milliseconds; also how long a change waits at most. */
const SAVE_INTERVAL_MS = 1000;

export interface KeeperOptions {
  path: string;
  fields: StateFields;
  authority: StateAuthority;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
  /** The version of Ivy that writes; default: this one. */
  version?: string;
  /** Default {@link SAVE_INTERVAL_MS}. */
  saveIntervalMs?: number;
}

/**
 * Keeps the shared state over restarts: puts the snapshot into the authority, then writes what changes, about a second
 * after it has. A file that cannot be read or written never stops the agent; it is told once, and tried again.
 */
export class StateKeeper {
  #options: KeeperOptions;
  #file: StateFile | undefined;
  /** The place in the authority's order that is on disk. */
  #savedSequence: number;
  #isFailing = false;
  #closing = new AbortController();
  #followed: Promise<void> = Promise.resolve();

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#savedSequence = options.authority.sequence;
  }

  /** Resolves when the state is restored, as far as it can be; follows it from then on. Never rejects. */
  start(): Promise<void> {
    const restored = this.#restore().catch((error) => this.#fail(error));
    this.#followed = restored.then(() => this.#follow());
    return restored;
  }

  /** Writes what is not written yet. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#followed;
    await this.#save();
    this.#file?.close();
  }

  async #restore(): Promise<void> {
    const { path, fields, authority, logger, version = running } = this.#options;
    this.#file = await StateFile.open(path);
    const stored = await this.#file.read();
    const { texts, faults, outdated, restored } = fitStored(stored, fields, version);
    authority.restore(texts);
    if (faults.length > 0) {
      const names = faults.map(({ name }) => name).join(", ");
      const reasons = faults.map(({ reason }) => reason).join("\n");
      logger.warning(
        `the saved state fits only in part; these fields begin with their defaults: ${names}`,
        reasons,
      );
    }
    if (stored.writer !== null && stored.writer !== version) {
      await this.#file.takeOver(stored, restored, version);
    }
    await this.#file.remove([...outdated, ...faults.map(({ name }) => name)]);
  }

  async #follow(): Promise<void> {
    const { authority, saveIntervalMs = SAVE_INTERVAL_MS } = this.#options;
    const { signal } = this.#closing;
    while (await authority.changedSince(this.#savedSequence, signal)) {
      if (await pause(saveIntervalMs, signal)) await this.#save();
    }
  }

  async #save(): Promise<void> {
    const { path, authority, fields, logger, now, version = running } = this.#options;
    const delta = authority.deltaSince(this.#savedSequence);
    const kept = Object.entries(delta.fields).filter(([name]) => !isVolatile(fields[name]!));
    try {
      if (kept.length > 0) {
        this.#file ??= await StateFile.open(path);
        await this.#file.write(Object.fromEntries(kept), now(), version);
      }
      this.#savedSequence = delta.sequence;
      if (this.#isFailing) logger.info("the state is saved again");
      this.#isFailing = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The next attempt writes everything, into a new file if this one is damaged. */
  #fail(error: unknown): void {
    this.#savedSequence = 0;
    this.#file?.close();
    this.#file = undefined;
    const problem = isDamage(error) ? this.#setAside(error) : error;
    if (problem === undefined || this.#isFailing) return;
    this.#isFailing = true;
    this.#options.logger.error(`the state is not saved as long as this lasts: ${sentenceOf(problem)}`);
  }

  /** @returns why the file could not be moved; nothing when it was. */
  #setAside(damage: unknown): unknown {
    const { path, logger, now } = this.#options;
    try {
      const kept = setAside(path, now());
      logger.error(`${path} is damaged: it was moved to ${kept}, and a new one is begun`, damage);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
