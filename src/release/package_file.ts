// Runs in: release worker.
import { createHash } from "node:crypto";
import {
  endOf,
  MAX_PACKAGE_HEAD_BYTES,
  PACKAGE_BLOCK_BYTES,
  type PackageEntry,
  readPackageHeader,
} from "../shared/package_file.ts";
import type { PackageOffer } from "../shared/protocol.ts";
import { MAX_SUMS_BYTES, type ReleaseFile } from "../shared/release.ts";
import { pause } from "../shared/time.ts";
import { ReleaseError } from "./errors.ts";
import { blocksOf, digestOf, letGo, removeIfThere, sizeOf, writeAll } from "./files.ts";
import type { Count, Pace } from "./incoming.ts";
import { PackagePort } from "./package_port.ts";

export interface PackageFileOptions {
  offer: PackageOffer;
  port: MessagePort;
  staging: string;
  pace: Pace;
  count: Count;
}

/**
 * A package on its way to the staging folder. What is there already, from this process or another, is gone on with: its
 * name is its checksum's, and the checksum decides in the end.
 */
export class PackageFile {
  #options: PackageFileOptions;
  #path: string;
  #port: PackagePort;
  #entries: PackageEntry[] = [];
  /** Its beginning was here before: a power cut may have taken bytes that were not synced. */
  #wasBegun: boolean;

  constructor(options: PackageFileOptions) {
    this.#options = options;
    this.#path = `${options.staging}/package.${options.offer.checksum.slice(0, 16)}.part`;
    this.#port = new PackagePort(options.port, options.pace);
    if (sizeOf(this.#path) < MAX_PACKAGE_HEAD_BYTES) removeIfThere(this.#path);
    this.#wasBegun = sizeOf(this.#path) > 0;
  }

  /** One of the first files, before the others are here. @throws {ReleaseError} when it is not there. */
  async readHead(name: string): Promise<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < MAX_PACKAGE_HEAD_BYTES;) {
      const entry = await this.#header(at);
      if (entry === undefined) break;
      if (entry.name === name && entry.sizeBytes <= MAX_SUMS_BYTES) {
        await this.#fetchTo(entry.offset + entry.sizeBytes);
        return await this.#read(entry.offset, entry.sizeBytes);
      }
      at = endOf(entry);
    }
    throw new ReleaseError(`the package does not begin with the files of a release: it has no ${name}`, {
      mayMend: false,
    });
  }

  /** Fetches all of it. @throws {ReleaseError} also when it is not what the server has announced. */
  async complete(): Promise<void> {
    const { offer: { sizeBytes, checksum, algorithm } } = this.#options;
    await this.#fetchTo(sizeBytes);
    const hash = createHash(algorithm.toLowerCase());
    for await (const block of blocksOf(this.#path)) hash.update(block);
    if (hash.digest("hex") !== checksum.toLowerCase()) {
      removeIfThere(this.#path);
      if (!this.#wasBegun) {
        throw new ReleaseError(`the package is not what was announced: its ${algorithm} differs`, {
          mayMend: false,
        });
      }
      this.#wasBegun = false;
      return await this.complete();
    }
    await this.#readEntries();
  }

  async #readEntries(): Promise<void> {
    const { offer: { sizeBytes } } = this.#options;
    this.#entries = [];
    for (let at = 0; at + PACKAGE_BLOCK_BYTES <= sizeBytes;) {
      const entry = await this.#header(at);
      if (entry === undefined) return;
      this.#entries.push(entry);
      at = endOf(entry);
    }
  }

  has(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name);
  }

  /** Puts a file of the package where it belongs. @throws {ReleaseError} when it is not the one that was signed. */
  async take(file: ReleaseFile, path: string): Promise<void> {
    const entry = this.#entries.find(({ name }) => name === file.name);
    if (entry === undefined) throw new ReleaseError(`the package has no ${file.name}`, { mayMend: false });
    if (entry.sizeBytes === file.sizeBytes) {
      await this.#copy(entry, path);
      if (await digestOf(path) === file.sha256) return;
      removeIfThere(path);
    }
    throw new ReleaseError(`${file.name} is not the file that was signed: its SHA-256 differs`, {
      mayMend: false,
    });
  }

  async #header(at: number): Promise<PackageEntry | undefined> {
    await this.#fetchTo(at + PACKAGE_BLOCK_BYTES);
    try {
      return readPackageHeader(await this.#read(at, PACKAGE_BLOCK_BYTES), at);
    } catch (cause) {
      throw new ReleaseError("the package is no release", { mayMend: false, cause });
    }
  }

  /** Fetches what is missing up to a place. */
  async #fetchTo(end: number): Promise<void> {
    const { offer: { sizeBytes }, pace: { maxKbitS }, count } = this.#options;
    if (sizeOf(this.#path) > sizeBytes) removeIfThere(this.#path);
    let have = sizeOf(this.#path);
    if (have >= end) return;
    using target = await Deno.open(this.#path, { append: true, create: true });
    const [startMs, start] = [performance.now(), have];
    while (have < end) {
      const bytes = await this.#port.part(have);
      if (bytes.length === 0 || have + bytes.length > sizeBytes) {
        throw new ReleaseError(`the package does not have the ${sizeBytes} bytes that were announced`, {
          mayMend: true,
        });
      }
      count(bytes.length);
      have += bytes.length;
      await writeAll(target, bytes);
      letGo(bytes);
      if (maxKbitS !== null) await pause(startMs + (have - start) * 8 / maxKbitS - performance.now());
    }
    await target.sync();
  }

  async #read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    using file = await Deno.open(this.#path);
    await file.seek(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    for (let filled = 0, read; filled < length; filled += read) {
      read = await file.read(bytes.subarray(filled));
      if (read === null) throw new ReleaseError("the package ends too early", { mayMend: false });
    }
    return bytes;
  }

  async #copy({ offset, sizeBytes }: PackageEntry, path: string): Promise<void> {
    using target = await Deno.create(path);
    let left = sizeBytes;
    for await (const block of blocksOf(this.#path, offset)) {
      const part = block.subarray(0, left);
      await writeAll(target, part);
      left -= part.length;
      if (left === 0) break;
    }
    await target.sync();
  }
}
