// Runs in: main thread.
import { join } from "@std/path";
import type { UpdaterSettings } from "../../shared/config.ts";
import { sentenceOf } from "../../shared/errors.ts";
import type { LogEntry, PackageState } from "../../shared/protocol.ts";
import type { Logger } from "../../shared/logger.ts";
import { pause } from "../../shared/time.ts";
import { version as running } from "../../shared/version.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../shared/release.ts";
import { replaceFile } from "../files.ts";
import { describeBinary, type InstalledVersion } from "../installed_versions.ts";
import { linkOrCopy } from "../layout.ts";
import { keepsJournalsInData } from "../move_journals.ts";
import type { Paths } from "../paths.ts";
import { fetchVersion } from "./fetch_version.ts";
import type { Vitals } from "./health.ts";
import type { Packages } from "./packages.ts";
import { provePrevious } from "./prove_previous.ts";
import { prove } from "./prove.ts";
import type { Outcome } from "./reconfigure.ts";
import { UnavailableError } from "./release_worker.ts";
import { clearStaging, makeScratch, makeStagedVersion, makeStaging } from "./staging.ts";
import { type UpdateJournal, writeUpdateJournal } from "./update_journal.ts";
import { binaryOf, obstacleAt, placeConfig, previousOf, switchTo } from "./versions.ts";

/** What a version on probation may need beyond its probation before the launcher takes it for hung, in seconds. */
const HANG_SECONDS = 120;

export interface UpgradeOptions {
  paths: Paths;
  /** The running binary; undefined = Ivy runs from its sources, which nothing updates. */
  binary: string | undefined;
  settings: UpdaterSettings;
  token: string | null;
  vitals: Vitals;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** The release worker's module. */
  releaseModule: string;
  environment: Record<string, string>;
  /** What is being done now; once it is done for the first time, it is a line of the log, too. */
  onPhase: (phase: string) => void;
  /** The same in the words of packages. */
  onState: (state: PackageState) => void;
  packages?: Packages | undefined;
  /** Asks for this process to be replaced by the active version. */
  restart: (reason: string) => void;
  signal: AbortSignal;
  pace?: { stallMs: number; retryMs: number; attempts: number };
  /** Default {@link HANG_SECONDS}. */
  hangSeconds?: number;
}

/** What is wished for. */
export interface Wish {
  version: string;
  /** The configuration that the new version is to run with. */
  config: Record<string, unknown>;
  /** Of the configuration that asks for it; null when a person does. */
  revision: number | null;
  /** A person waits for it. */
  isUrgent?: boolean;
  /** A folder on this machine that holds the release. */
  folder?: string;
}

/** A version that is ready to be switched to. */
interface Candidate {
  /** The folder that becomes the version's; undefined = it is there. */
  laidOut: string | undefined;
  /** What is recorded of it; undefined = it is on record. */
  installed: InstalledVersion | undefined;
  binary: string;
  configFile: string;
  acceptanceFile: string | undefined;
  digest: string | null;
  serial: number | null;
}

/**
 * Brings another version, lets it prove itself, and switches to it on probation. The outcome is `interrupted` then: the
 * new version goes on. What only time can mend is postponed; what is half done is found again by the next try.
 */
export async function upgrade(wish: Wish, options: UpgradeOptions): Promise<Outcome> {
  const { paths, settings, signal } = options;
  const { version } = wish;
  if (options.binary === undefined) {
    return {
      kind: "rejected",
      reason: "Ivy runs from its sources here; only a compiled binary updates itself",
    };
  }
  try {
    if (keepsJournalsInData(paths, version)) return { kind: "rejected", reason: noWayBack(version) };
    const here = previousOf(paths, running) === version ? await provePrevious(wish, options) : undefined;
    if (here === undefined && !wish.isUrgent && settings.jitter_seconds > 0) {
      options.onPhase(`waiting up to ${settings.jitter_seconds} s, so that not all nodes come at once`);
      if (!await pause(Math.random() * settings.jitter_seconds * 1000, signal)) {
        return { kind: "interrupted" };
      }
    }
    const candidate = here === undefined ? await layOut(wish, options) : reuse(wish, here, paths);
    if (signal.aborted) return { kind: "interrupted" };
    options.onPhase(`testing ${version} on this device`);
    const refusal = await proveCandidate(candidate, version, options);
    if (signal.aborted) return { kind: "interrupted" };
    if (refusal !== undefined) return { kind: "rejected", reason: refusal };
    options.onState("UPDATING");
    commit(candidate, wish, options);
    return { kind: "interrupted" };
  } catch (error) {
    return judge(error);
  } finally {
    options.onPhase("");
  }
}

function noWayBack(version: string): string {
  return `${version} is too old to be put on probation: a person on the node can go back to it with ivy rollback`;
}

function judge(error: unknown): Outcome {
  const reason = sentenceOf(error);
  const mayMend = error instanceof UnavailableError
    ? error.mayMend
    : /No space|os error 28|Quota/.test(reason);
  return { kind: mayMend ? "postponed" : "rejected", reason };
}

/** The version before is still on the disk. */
function reuse(
  { version, config }: Wish,
  here: Pick<Candidate, "digest" | "serial">,
  paths: Paths,
): Candidate {
  makeStaging(paths);
  const folder = makeStagedVersion(paths, version);
  placeConfig(folder, config);
  return {
    laidOut: undefined,
    installed: undefined,
    binary: binaryOf(paths, version),
    configFile: join(folder, "config", "config.json"),
    acceptanceFile: undefined,
    ...here,
  };
}

async function layOut(
  { version, config, folder: source }: Wish,
  options: UpgradeOptions,
): Promise<Candidate> {
  const { paths, releaseModule: module } = options;
  const obstacle = obstacleAt(paths, version);
  if (obstacle !== undefined) throw new UnavailableError(obstacle, true); // before anything is downloaded
  options.onPhase(`looking for ${version}`);
  const fetched = await fetchVersion({ ...options, version, folder: source, module });
  const folder = makeStagedVersion(paths, version);
  placeConfig(folder, config);
  replaceFile(join(folder, SUMS_NAME), fetched.sums);
  if (fetched.signatures !== "") replaceFile(join(folder, SIGNATURES_NAME), fetched.signatures);
  Deno.chmodSync(fetched.binary, 0o755);
  linkOrCopy(fetched.binary, join(folder, "ivy"));
  return {
    laidOut: folder,
    installed: await describeBinary(join(folder, "ivy"), source === undefined ? "release" : "by_hand"),
    binary: join(folder, "ivy"),
    configFile: join(folder, "config", "config.json"),
    acceptanceFile: fetched.acceptanceFile,
    digest: fetched.digest,
    serial: fetched.release.serial,
  };
}

async function proveCandidate(
  { binary, configFile, acceptanceFile }: Candidate,
  version: string,
  { paths, settings, environment }: UpgradeOptions,
): Promise<string | undefined> {
  return await prove({
    binary,
    configFile,
    version,
    scratch: makeScratch(paths),
    socket: paths.socket,
    environment,
    acceptanceFile,
    denoPath: settings.deno_path,
  });
}

function commit(candidate: Candidate, { version, config, revision }: Wish, options: UpgradeOptions): void {
  const { paths, vitals, settings, restart, onPhase } = options;
  const { digest, serial, laidOut, installed } = candidate;
  onPhase(`switching from ${running} to ${version}, on probation for ${settings.probation_seconds} s`);
  const journal: UpdateJournal = {
    version,
    from: running,
    revision,
    digest,
    serial,
    before: vitals.health(),
    rssBytes: Deno.memoryUsage().rss,
  };
  writeUpdateJournal(paths, journal);
  if (laidOut === undefined) placeConfig(join(paths.root, version), config);
  const limitSeconds = settings.probation_seconds + (options.hangSeconds ?? HANG_SECONDS);
  switchTo(paths, {
    version,
    from: running,
    laidOut,
    limitSeconds,
    ...(installed === undefined ? {} : { installed }),
  });
  clearStaging(paths);
  restart(`Ivy ${version} takes over`);
}
