// Runs in: main thread.
import { join } from "@std/path";
import type { UpdaterSettings } from "../../shared/config.ts";
import { sentenceOf } from "../../shared/errors.ts";
import type { LogEntry, PackageState, ReleaseOrder, ReleaseSource } from "../../shared/protocol.ts";
import { diskSpace } from "../../shared/disk_space.ts";
import { ACCEPTANCE_NAME, namesFor, type Release, SIGNATURES_NAME, SUMS_NAME } from "../../shared/release.ts";
import { contentDigest } from "../../shared/release_marks.ts";
import { type Trust, verifyRelease } from "../../shared/signatures.ts";
import { formatBytes } from "../../shared/time.ts";
import { sha256OfFile } from "../file_digest.ts";
import { linkOrCopy } from "../layout.ts";
import { exists, type Paths } from "../paths.ts";
import { refuseKnown } from "./known_releases.ts";
import type { Packages } from "./packages.ts";
import { ReleaseWorker, UnavailableError } from "./release_worker.ts";
import { makeStaging, removeIfEmpty } from "./staging.ts";

export interface FetchOptions {
  paths: Paths;
  /** The running binary: its blocks are used again. */
  binary: string | undefined;
  settings: UpdaterSettings;
  /** The access token itself. */
  token: string | null;
  /** Null = the newest. */
  version: string | null;
  /** A folder with a release on this machine; undefined = where the settings say. */
  folder: string | undefined;
  module: string;
  /** What servers offer as packages. */
  packages?: Packages | undefined;
  onLog: (entry: LogEntry) => void;
  onPhase: (phase: string) => void;
  /** The same in the words of packages, where the release is one. */
  onState?: (state: PackageState) => void;
  pace?: { stallMs: number; retryMs: number; attempts: number };
}

export interface FetchedVersion {
  release: Release;
  /** See {@link contentDigest}. */
  digest: string;
  binary: string;
  acceptanceFile: string | undefined;
  /** The list of its files, and who has signed it; empty = nobody. */
  sums: string;
  signatures: string;
}

const PACE = { stallMs: 30_000, retryMs: 1000, attempts: 8 };

/**
 * Looks for a release and verifies its list of files.
 *
 * @throws {UnavailableError}
 */
export async function findVersion(options: FetchOptions): Promise<Release> {
  const { order, port } = orderOf(options);
  using _staging = openStaging(options);
  await using worker = openWorker(options);
  return await verifyFound(await worker.find(order, port), options);
}

/**
 * Brings the binary of a version to the staging folder.
 *
 * @throws {UnavailableError} when it cannot be had, was tried before, or is older than what was here.
 */
export async function fetchVersion(options: FetchOptions): Promise<FetchedVersion> {
  using _staging = openStaging(options);
  const { paths: { staging } } = options;
  const { release, digest, sums, signatures } = await fetchWithWorker(options);
  return {
    release,
    digest,
    binary: await verifyFile(release, namesFor(Deno.build.target).binary, join(staging, "ivy")),
    acceptanceFile: release.files.some(({ name }) => name === ACCEPTANCE_NAME)
      ? await verifyFile(release, ACCEPTANCE_NAME, join(staging, ACCEPTANCE_NAME))
      : undefined,
    sums: new TextDecoder().decode(sums),
    signatures,
  };
}

/**
 * The worker that parses what strangers send is not believed: what it has found is read here once more, and all that is
 * decided is decided on that.
 *
 * @throws {UnavailableError}
 */
async function verifyFound(
  { sums, signatures }: { sums: Uint8Array<ArrayBuffer>; signatures: string },
  { settings, version }: FetchOptions,
): Promise<Release> {
  const release = await verifyRelease(sums, signatures, trustOf(settings)).catch((error) => {
    throw new UnavailableError(sentenceOf(error), false);
  });
  if (version === null || release.version === version) return release;
  throw new UnavailableError(`version ${version} is wanted, but the release is ${release.version}`, false);
}

/** The worker is gone by now, and writes no more. @returns the file's path. */
async function verifyFile({ files }: Release, name: string, path: string): Promise<string> {
  const signed = files.find((file) => file.name === name)?.sha256;
  if (await sha256OfFile(path) === signed) return path;
  throw new UnavailableError(`${name} is not the file that was signed: its SHA-256 differs`, false);
}

async function fetchWithWorker(options: FetchOptions) {
  const { paths, onPhase, onState = () => {} } = options;
  const { order, port } = orderOf(options);
  await using worker = openWorker(options);
  const found = await worker.find(order, port);
  const release = await verifyFound(found, options);
  const digest = await contentDigest(release);
  refuseKnown(paths, release, digest);
  refuseFullDisk(paths, release);
  onPhase(`downloading ${release.version} (serial ${release.serial})`);
  onState("DOWNLOADING");
  const { wireBytes, how } = await worker.fetch(
    (bytes) => onPhase(`downloading: ${formatBytes(bytes)}`),
    () => onState("DOWNLOADED"),
  );
  onState("VERIFIED");
  onPhase(`downloaded ${release.version}: ${formatBytes(wireBytes)} over the network (${how})`);
  return { release, digest, sums: found.sums, signatures: found.signatures };
}

/** Who may sign now. */
export function trustOf(
  { public_keys: publicKeys, threshold, allow_unsigned: allowUnsigned }: UpdaterSettings,
): Trust {
  return { publicKeys, threshold, allowUnsigned };
}

/** The folder that downloads go to, with the running binary in it as long as its blocks may be wanted. */
function openStaging({ paths: { staging }, binary }: FetchOptions): Disposable {
  makeStaging({ staging });
  const base = join(staging, "base");
  const remove = () => exists(base) && Deno.removeSync(base);
  remove();
  if (binary !== undefined) linkOrCopy(binary, base); // a file that is executed cannot be written to
  return {
    [Symbol.dispose]() {
      remove();
      removeIfEmpty(staging);
    },
  };
}

/** A release on this machine is checked where the worker can read it. */
function openWorker({ paths: { staging }, folder, module, settings, onLog }: FetchOptions): ReleaseWorker {
  if (folder !== undefined) {
    const { binary } = namesFor(Deno.build.target);
    for (const name of [SUMS_NAME, SIGNATURES_NAME, ACCEPTANCE_NAME, binary]) {
      const [from, to] = [join(folder, name), join(staging, name)];
      if (exists(to)) Deno.removeSync(to);
      if (exists(from)) Deno.copyFileSync(from, to);
    }
  }
  const isOffline = folder !== undefined || settings.provider === "thingsboard";
  return new ReleaseWorker({ module, staging, isOffline, onLog });
}

/** @throws {UnavailableError} when nobody offers the package that it would be. */
function orderOf(options: FetchOptions): { order: ReleaseOrder; port: MessagePort | undefined } {
  const { paths, settings, token, version, folder, pace = PACE } = options;
  const { source, port } = folder === undefined
    ? sourceOf(options)
    : { source: { kind: "local" } as const, port: undefined };
  const order = {
    source,
    token,
    version,
    trust: trustOf(settings),
    target: Deno.build.target,
    staging: paths.staging,
    pace: { ...pace, maxKbitS: settings.max_kbit_s },
  };
  return { order, port };
}

function sourceOf(options: FetchOptions): { source: ReleaseSource; port: MessagePort | undefined } {
  const { provider, base_url, provider_host, repository } = options.settings;
  if (provider === "thingsboard") return packageSource(options);
  const source: ReleaseSource = provider === "http"
    ? { kind: "http", baseUrl: base_url! }
    : { kind: provider, host: provider_host ?? `${provider}.com`, repository: repository! };
  return { source, port: undefined };
}

function packageSource({ packages, version }: FetchOptions) {
  const found = packages?.find(version);
  if (found === undefined) {
    throw new UnavailableError(`no server offers ${version ?? "a version"} as a package now`, true);
  }
  const port = packages!.open(found.backend);
  if (port === undefined) throw new UnavailableError(`the backend ${found.backend} does not run`, true);
  return { source: { kind: "package", offer: found.offer } as const, port };
}

/** A download needs its own size while it is put together, and once more for what it is made of. */
function refuseFullDisk({ staging }: Paths, { files }: Release): void {
  const { binary } = namesFor(Deno.build.target);
  const needed = 2 * (files.find(({ name }) => name === binary)?.sizeBytes ?? 0);
  const { freeBytes } = diskSpace(staging);
  if (freeBytes >= needed) return;
  throw new UnavailableError(
    `the disk has ${formatBytes(freeBytes)} free, and the update needs ${formatBytes(needed)}`,
    true,
  );
}
