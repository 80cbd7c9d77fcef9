// Runs in: release worker.
import type { ReleaseOrder } from "../shared/protocol.ts";
import { MAX_SUMS_BYTES, type Release, SIGNATURES_NAME, SUMS_NAME } from "../shared/release.ts";
import { verifyRelease } from "../shared/signatures.ts";
import { ReleaseError } from "./errors.ts";
import { sizeOf } from "./files.ts";
import { type Count, receiveSmall } from "./incoming.ts";
import { PackageFile } from "./package_file.ts";
import { type Locate, locator } from "./sources.ts";

/** A release whose list of files is verified. */
export interface Found {
  release: Release;
  /** The list itself, and the text of its signatures. */
  sums: Uint8Array<ArrayBuffer>;
  signatures: string;
  /** Undefined when the files lie in the staging folder already, or in a package. */
  locate: Locate | undefined;
  /** The package that holds its files. */
  pack: PackageFile | undefined;
}

/**
 * Reads and verifies a release's list of files.
 *
 * @throws {ReleaseError} when it cannot be had or is not the right one.
 * @throws {UntrustedError} when nobody who may has signed it.
 */
export async function findRelease(
  order: ReleaseOrder,
  count: Count,
  port: MessagePort | undefined,
): Promise<Found> {
  const { source, version, trust, staging, pace } = order;
  const pack = source.kind === "package"
    ? new PackageFile({ offer: source.offer, port: port!, staging, pace, count })
    : undefined;
  const locate = source.kind === "local" || source.kind === "package"
    ? undefined
    : locator(source, version, { ...order, count });
  const read = async (name: string) => {
    if (pack !== undefined) return await pack.readHead(name);
    if (locate === undefined) return readStaged(staging, name);
    return await receiveSmall({ remote: await locate(name), pace, count }, MAX_SUMS_BYTES);
  };
  const sums = await read(SUMS_NAME);
  const signatures = trust.allowUnsigned && trust.publicKeys.length === 0
    ? ""
    : new TextDecoder().decode(await read(SIGNATURES_NAME));
  const release = await verifyRelease(sums, signatures, trust);
  if (version !== null && release.version !== version) {
    throw new ReleaseError(`version ${version} is wanted, but the release is ${release.version}`, {
      mayMend: false,
    });
  }
  return { release, sums, signatures, locate, pack };
}

function readStaged(staging: string, name: string): Uint8Array<ArrayBuffer> {
  const path = `${staging}/${name}`;
  return sizeOf(path) === 0 || sizeOf(path) > MAX_SUMS_BYTES ? new Uint8Array() : Deno.readFileSync(path);
}
