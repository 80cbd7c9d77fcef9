// Runs in: release worker.
import { MAX_BLOCK_LIST_BYTES, parseBlockList } from "../shared/blocks.ts";
import type { ReleaseOrder } from "../shared/protocol.ts";
import { ACCEPTANCE_NAME, namesFor, type Release, type ReleaseFile } from "../shared/release.ts";
import { fetchDelta } from "./delta.ts";
import { NoRangesError, ReleaseError } from "./errors.ts";
import { digestOf, removeIfThere, sha256, sizeOf } from "./files.ts";
import type { Found } from "./find_release.ts";
import { type Count, receiveSmall } from "./incoming.ts";
import type { PackageFile } from "./package_file.ts";
import type { Locate } from "./sources.ts";
import { unpack } from "./unpack.ts";
import { fetchWhole } from "./whole_file.ts";

/** How the binary came. */
export type How = "delta" | "compressed" | "whole" | "local" | "package";

/**
 * Puts the binary of a verified release at `staging/ivy` and its acceptance tests at `staging/acceptance.js`.
 *
 * @throws {ReleaseError}
 */
export async function fetchRelease(
  order: ReleaseOrder,
  { release, locate, pack }: Found,
  count: Count,
  onDownloaded: () => void,
): Promise<How> {
  const names = namesFor(order.target);
  const binary = fileIn(release, names.binary);
  if (binary === undefined) {
    throw new ReleaseError(`release ${release.version} has no binary for ${order.target}`, {
      mayMend: false,
    });
  }
  const tests = fileIn(release, ACCEPTANCE_NAME);
  const path = `${order.staging}/ivy`;
  const steps = new Fetching(order, release, count);
  if (pack !== undefined) {
    await pack.complete();
    onDownloaded();
    await steps.takeFromPackage(pack, binary, path);
    if (tests !== undefined) await pack.take(tests, `${order.staging}/${ACCEPTANCE_NAME}`);
    return "package";
  }
  if (locate === undefined) {
    await steps.takeStaged(binary, path);
    if (tests !== undefined) await steps.takeStaged(tests, `${order.staging}/${ACCEPTANCE_NAME}`);
    return "local";
  }
  if (tests !== undefined) {
    await steps.fetchPlain(tests, locate, `${order.staging}/${ACCEPTANCE_NAME}`);
  }
  if (sizeOf(path) === binary.sizeBytes && await digestOf(path) === binary.sha256) return "whole";
  if (await steps.fetchByBlocks(binary, locate, path)) return "delta";
  const compressed = fileIn(release, names.compressed);
  if (compressed === undefined) {
    await steps.fetchPlain(binary, locate, path);
    return "whole";
  }
  const packed = `${path}.gz`;
  await steps.fetchPlain(compressed, locate, packed);
  await unpack(packed, path, binary);
  removeIfThere(packed);
  return "compressed";
}

class Fetching {
  #order: ReleaseOrder;
  #release: Release;
  #count: Count;

  constructor(order: ReleaseOrder, release: Release, count: Count) {
    this.#order = order;
    this.#release = release;
    this.#count = count;
  }

  async takeFromPackage(pack: PackageFile, binary: ReleaseFile, path: string): Promise<void> {
    const compressed = fileIn(this.#release, namesFor(this.#order.target).compressed);
    if (compressed === undefined || !pack.has(compressed.name)) return await pack.take(binary, path);
    const packed = `${path}.gz`;
    await pack.take(compressed, packed);
    await unpack(packed, path, binary);
    removeIfThere(packed);
  }

  /** A file's part is named for what it is to become, so that it is never gone on with as another. */
  async fetchPlain(file: ReleaseFile, locate: Locate, path: string): Promise<void> {
    const part = `${path}.${file.sha256.slice(0, 16)}.part`;
    const { pace } = this.#order;
    await fetchWhole({ remote: await locate(file.name), file, path: part, pace, count: this.#count });
    Deno.renameSync(part, path);
  }

  /** @returns false when there is nothing to build upon, or the server or the release does not support it. */
  async fetchByBlocks(binary: ReleaseFile, locate: Locate, path: string): Promise<boolean> {
    const base = `${this.#order.staging}/base`;
    const listed = fileIn(this.#release, namesFor(this.#order.target).blocks);
    if (listed === undefined || sizeOf(base) === 0 || listed.sizeBytes > MAX_BLOCK_LIST_BYTES) return false;
    const { pace } = this.#order;
    const part = `${path}.${binary.sha256.slice(0, 16)}.delta`;
    const common = { pace, count: this.#count };
    const bytes = await receiveSmall({ ...common, remote: await locate(listed.name) }, listed.sizeBytes);
    if (sha256(bytes) !== listed.sha256) return false;
    const list = parseBlockList(new TextDecoder().decode(bytes));
    try {
      const remote = await locate(binary.name);
      const isBuilt = await fetchDelta({ ...common, remote, file: binary, list, base, path: part });
      if (isBuilt) Deno.renameSync(part, path);
      return isBuilt;
    } catch (error) {
      if (!(error instanceof NoRangesError)) throw error;
      return false;
    } finally {
      if (sizeOf(path) === 0 && sizeOf(part) > binary.sizeBytes) removeIfThere(part);
    }
  }

  /** @throws {ReleaseError} when the file in the staging folder is not the one that was signed. */
  async takeStaged(file: ReleaseFile, path: string): Promise<void> {
    const staged = `${this.#order.staging}/${file.name}`;
    if (await digestOf(staged) !== file.sha256) {
      throw new ReleaseError(`${file.name} is not the file that was signed: its SHA-256 differs`, {
        mayMend: false,
      });
    }
    if (staged !== path) Deno.renameSync(staged, path);
  }
}

function fileIn({ files }: Release, name: string): ReleaseFile | undefined {
  return files.find((file) => file.name === name);
}
