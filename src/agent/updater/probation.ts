// Runs in: main thread.
import { endOfText } from "../../shared/text.ts";
import type { Logger } from "../../shared/logger.ts";
import { pause, utcDay } from "../../shared/time.ts";
import { version as running } from "../../shared/version.ts";
import { readIfThere } from "../files.ts";
import { exists, journalsAreInData, type Paths } from "../paths.ts";
import { join } from "@std/path";
import { type Vitals, watchHealth } from "./health.ts";
import type { Health } from "./journal.ts";
import { acceptSerial, rememberReleases } from "./known_releases.ts";
import type { Outcome } from "./reconfigure.ts";
import {
  type Counter,
  readCounter,
  readUpdateJournal,
  removeDurably,
  type UpdateJournal,
  writeUpdateJournal,
} from "./update_journal.ts";
import { previousOf, removeOlderVersions, removeVersion, switchBack } from "./versions.ts";

/** How long the old version tries to reach what the new one could not, in milliseconds. */
const REACH_LIMIT_MS = 60_000;
/** When a release is tried again that something else kept from proving itself, in milliseconds. */
const TRY_AGAIN_MS = 3_600_000;
const LOG_TAIL_LENGTH = 1000;
/** A new version may take twice the memory of the one before, and so much more. */
const MEMORY_FACTOR = 2;
const MEMORY_ROOM_BYTES = 200e6;

export interface ProbationOptions {
  paths: Paths;
  vitals: Vitals;
  /** Names in the configuration that runs. */
  present: Health;
  probationMs: number;
  logger: Logger;
  restart: (reason: string) => void;
  signal: AbortSignal;
  /** What is being done now; undefined = nothing more. */
  onPhase: (phase: ResumePhase | undefined) => void;
  reachLimitMs?: number;
}

/** What a start in the middle of an update is busy with. */
export type ResumePhase =
  /** The running version proves itself until `endsMs` (of `performance.now()`). */
  | { kind: "probation"; from: string; endsMs: number }
  /** The running version finds out why `version` was left. */
  | { kind: "aftermath"; version: string };

/** What became of an update. */
export interface Update {
  version: string;
  revision: number | null;
  outcome: Outcome;
}

/**
 * Goes on with an update after a start: watches the version that is on probation, or finds out why it was left.
 *
 * @returns undefined when there is no update to go on with.
 */
export async function resumeUpgrade(options: ProbationOptions): Promise<Update | undefined> {
  const { paths } = options;
  const journal = readUpdateJournal(paths);
  if (journal === undefined || (journal.version !== running && journal.from !== running)) {
    removeDurably(paths.probation, paths.update);
    return undefined;
  }
  const { version, revision } = journal;
  const outcome = await goOn(journal, options).finally(() => options.onPhase(undefined));
  return outcome === undefined ? undefined : { version, revision, outcome };
}

async function goOn(journal: UpdateJournal, options: ProbationOptions): Promise<Outcome | undefined> {
  return journal.version === running
    ? await onProbation(journal, options)
    : await afterwards(journal, options);
}

/** The running version is the new one. */
async function onProbation(journal: UpdateJournal, options: ProbationOptions): Promise<Outcome> {
  const { paths, vitals, present, probationMs, signal, logger } = options;
  if (exists(paths.probation)) {
    logger.info(`${running} is on probation for ${probationMs / 1000} s`);
    const { before, from, rssBytes } = journal;
    options.onPhase({ kind: "probation", from, endsMs: performance.now() + probationMs });
    const sinceMs = Date.now();
    const failure = await watchHealth({
      vitals,
      before,
      present,
      sinceMs,
      watchMs: probationMs,
      signal,
      ...(rssBytes === undefined ? {} : { maxRssBytes: MEMORY_FACTOR * rssBytes + MEMORY_ROOM_BYTES }),
    });
    if (signal.aborted) return { kind: "interrupted" };
    if (failure !== undefined) return leave(journal, failure, options);
  }
  accept(journal, paths, logger);
  return { kind: "accepted" };
}

function accept({ serial, digest, from }: UpdateJournal, paths: Paths, logger: Logger): void {
  const known = journalsAreInData(paths.root) ? null : digest; // version 0.1 means another hash by it
  if (serial !== null) {
    rememberReleases(paths, (releases) => acceptSerial(releases, serial, known ?? undefined));
  }
  removeDurably(paths.probation, paths.update);
  const { removed, obstacles } = removeOlderVersions(paths, [running, from]);
  logger.info(`${running} has proved itself; ${from} is kept${removed.length ? `, removed ${removed}` : ""}`);
  for (const obstacle of obstacles) logger.warning(obstacle);
}

function leave(journal: UpdateJournal, failure: string, options: ProbationOptions): Outcome {
  const { paths, restart, logger } = options;
  logger.error(`${running} is left for ${journal.from}: ${failure}`);
  writeUpdateJournal(paths, { ...journal, failure });
  switchBack(paths, running, journal.from);
  restart(`back to Ivy ${journal.from}`);
  return { kind: "interrupted" };
}

/** Gives the version on probation up before the agent even runs. @returns whether there is one to go back to. */
export function leaveAtOnce(paths: Paths, failure: string): boolean {
  const journal = readUpdateJournal(paths);
  const isOnProbation = readCounter(paths)?.starts !== undefined && journal?.version === running;
  if (!isOnProbation || previousOf(paths, running) !== journal.from) return false;
  writeUpdateJournal(paths, { ...journal, failure });
  switchBack(paths, running, journal.from);
  return true;
}

/** The running version is the old one again, or still. */
async function afterwards(journal: UpdateJournal, options: ProbationOptions): Promise<Outcome | undefined> {
  const { paths, signal, logger } = options;
  const counter = readCounter(paths);
  const hasSwitched = exists(paths.probation) && counter?.starts !== 0;
  if (!hasSwitched && journal.failure === undefined) { // the power went before the switch
    removeDurably(paths.probation, paths.update);
    return undefined;
  }
  options.onPhase({ kind: "aftermath", version: journal.version });
  const failure = journal.failure ?? describeLauncher(counter);
  const outside = await outsideCause(journal, counter?.boots ?? [], options);
  if (signal.aborted) return { kind: "interrupted" };
  const { version, digest } = journal;
  const reason = `Ivy ${version} was left for ${running}: ${outside ?? failure}${logTail(paths, version)}`;
  if (digest !== null) {
    rememberReleases(paths, (known) => {
      if (outside === undefined) known.failed[digest] = failure;
      else known.waiting[digest] = Date.now() + TRY_AGAIN_MS;
    });
  }
  removeDurably(paths.probation, paths.update);
  const obstacle = removeVersion(paths, version);
  if (obstacle !== undefined) logger.warning(obstacle);
  return outside === undefined ? { kind: "rejected", reason } : { kind: "postponed", reason };
}

function describeLauncher(counter: Counter | undefined): string {
  const starts = counter?.boots.length ?? 0;
  if (starts < 3) return "it could not be started";
  const how = counter!.hasHung ? "it hung and had to be ended" : "it ended before its probation was over";
  return `it did not get well in 3 starts: ${how}`;
}

/** @returns what outside of the new version is to blame; undefined when nothing is. */
async function outsideCause(
  { before, failure = "" }: UpdateJournal,
  boots: string[],
  { vitals, present, signal, reachLimitMs = REACH_LIMIT_MS }: ProbationOptions,
): Promise<string | undefined> {
  if (failure === "" && boots.length > 1 && new Set(boots).size === boots.length) {
    return "the machine was started anew each time before it could prove itself";
  }
  if (!/backend/.test(failure)) return undefined;
  const wanted = before.backends.filter((name) => present.backends.includes(name));
  for (const deadlineMs = performance.now() + reachLimitMs; performance.now() < deadlineMs;) {
    const { backends } = vitals.health();
    if (wanted.every((name) => backends.includes(name))) return undefined;
    if (!await pause(200, signal)) return undefined;
  }
  return `${failure}; the old version does not reach it either`;
}

/** What the new version logged last, of today. */
function logTail({ logs }: Paths, version: string): string {
  const text = readIfThere(join(logs, `${utcDay(Date.now())}.log`)) ?? "";
  const start = text.lastIndexOf(`Ivy ${version} starts`);
  if (start === -1) return "";
  const own = text.slice(start).split(/\n.*Ivy \S+ starts/, 1)[0]!;
  return `; the end of its log: ${endOfText(own.trim(), LOG_TAIL_LENGTH)}`;
}
