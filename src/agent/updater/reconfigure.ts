// Runs in: main thread.
import type { Logger } from "../../shared/logger.ts";
import { sentenceOf } from "../../shared/errors.ts";
import { bootFacts } from "../clock_trust.ts";
import { checkConfig, type CheckOptions } from "../config_check.ts";
import { ConfigError, keepAsLastGood, knownNames, type LoadedConfig, readConfig } from "../configuration.ts";
import { readIfThere, replaceFile } from "../files.ts";
import type { Paths } from "../paths.ts";
import { runAcceptanceTests } from "./acceptance.ts";
import { type Vitals, watchHealth } from "./health.ts";
import { type Health, readJournal, removeJournal, writeJournal } from "./journal.ts";
import { changesNothing, planChanges } from "./plan_changes.ts";
import type { Revisions } from "./revisions.ts";

/** How long a new configuration is watched, in milliseconds. */
const WATCH_MS = 60_000;

/** What became of a configuration. */
export type Outcome =
  | { kind: "accepted" }
  | { kind: "rejected"; reason: string }
  /** Only time can mend what stood in the way; it is tried again. */
  | { kind: "postponed"; reason: string }
  /** The agent ends; the journal tells the next one to go on. */
  | { kind: "interrupted" };

/** The running agent, as far as a change of its configuration needs it. */
export interface Reconfigurable {
  readonly loaded: LoadedConfig;
  /** Takes a configuration into use: restarts what it concerns, and only that. */
  apply(next: LoadedConfig): Promise<void>;
  /** The configuration in use stays: what only the one before had can be let go. */
  confirm(): void;
  vitals: Vitals;
}

export interface ReconfigureOptions {
  agent: Reconfigurable;
  paths: Paths;
  check: CheckOptions;
  logger: Logger;
  signal: AbortSignal;
  /** Where what is being tried is written down before it is. */
  revisions: Revisions;
  watchMs?: number;
}

/** Takes a configuration for this version into use, or finds out why that must not be. */
export async function reconfigure(
  config: Record<string, unknown>,
  options: ReconfigureOptions,
): Promise<Outcome> {
  const { paths, logger, revisions } = options;
  const text = `${JSON.stringify(config, null, 2)}\n`;
  try {
    revisions.begin((config["general"] as { config_revision: number }).config_revision, bootFacts().id);
    replaceFile(paths.candidateConfigFile, text, 0o600);
    const refusal = await prove(options);
    if (refusal !== undefined) return { kind: "rejected", reason: refusal };
    return await takeOver(text, options);
  } catch (error) {
    if (!isMomentary(error)) throw error;
    return { kind: "postponed", reason: sentenceOf(error) };
  } finally {
    revisions.end();
    try {
      Deno.removeSync(paths.candidateConfigFile);
    } catch (error) {
      logger.debug("the candidate configuration could not be removed", error);
    }
  }
}

/** Goes on with a configuration that was being watched when the agent ended; undefined when there was none. */
export async function resumeReconfiguration(
  options: ReconfigureOptions,
): Promise<{ revision: number; outcome: Outcome } | undefined> {
  const { paths, agent } = options;
  const journal = readJournal(paths.reconfiguration);
  if (journal === undefined) return undefined;
  const { revision, before } = journal;
  const { config_revision: current } = agent.loaded.config.general;
  if (revision !== current) {
    removeJournal(paths.reconfiguration); // the power went before the change, or after it was undone
    return undefined;
  }
  return { revision, outcome: await watch(before, Date.now(), options) };
}

/** Validates the candidate and runs the acceptance tests with it. @returns why it cannot be used. */
async function prove({ paths, check, agent }: ReconfigureOptions): Promise<string | undefined> {
  const file = paths.candidateConfigFile;
  try {
    const { raw } = await checkConfig(file, check);
    if (changesNothing(planChanges(agent.loaded.raw, raw))) return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.join("; ");
    throw error;
  }
  return await runAcceptanceTests({ root: paths.root, configFile: file, environment: check.environment });
}

async function takeOver(text: string, options: ReconfigureOptions): Promise<Outcome> {
  const { agent, paths, check, logger } = options;
  const previous = agent.loaded;
  const candidate = readConfig(paths.candidateConfigFile, knownNames(check));
  const next = { ...candidate, file: paths.configFile };
  const restartsNothing = changesNothing(planChanges(previous.raw, next.raw));
  const before = agent.vitals.health();
  const { config_revision: revision } = next.config.general;
  replaceFile(paths.previousConfigFile, `${JSON.stringify(previous.raw, null, 2)}\n`, 0o600);
  if (!restartsNothing) writeJournal(paths.reconfiguration, { revision, before, starts: 0 });
  replaceFile(paths.configFile, text, 0o600);
  const sinceMs = Date.now();
  logger.info(`configuration ${revision} is taken into use`);
  await agent.apply(next);
  if (restartsNothing) {
    keepAsLastGood(paths, next);
    agent.confirm();
    return { kind: "accepted" };
  }
  return await watch(before, sinceMs, options);
}

async function watch(before: Health, sinceMs: number, options: ReconfigureOptions): Promise<Outcome> {
  const { agent, paths, signal, watchMs = WATCH_MS } = options;
  const { config, raw } = agent.loaded;
  const present = {
    procedures: Object.entries(config.procedures).filter(([, { enabled }]) => enabled).map(([name]) => name),
    backends: config.backends.map(({ name, provider }) => name ?? provider),
  };
  const reason = await watchHealth({ vitals: agent.vitals, before, present, sinceMs, watchMs, signal });
  if (signal.aborted) return { kind: "interrupted" };
  if (reason !== undefined) {
    await goBack(options);
    return { kind: "rejected", reason };
  }
  keepAsLastGood(paths, { ...agent.loaded, raw });
  removeJournal(paths.reconfiguration);
  agent.confirm();
  return { kind: "accepted" };
}

async function goBack({ agent, paths, check, logger }: ReconfigureOptions): Promise<void> {
  restorePrevious(paths);
  const previous = readConfig(paths.configFile, knownNames(check));
  logger.warning(`going back to configuration ${previous.config.general.config_revision}`);
  await agent.apply(previous);
  agent.confirm();
  removeJournal(paths.reconfiguration);
}

/** Puts the previous configuration in place of the current one. */
export function restorePrevious(paths: Paths): void {
  const text = readIfThere(paths.previousConfigFile);
  if (text === undefined) throw new Error(`${paths.previousConfigFile} is missing`);
  replaceFile(paths.configFile, text, 0o600);
}

/** A full disk: nothing is wrong with the configuration. */
function isMomentary(error: unknown): boolean {
  return /No space left|os error 28|Disk quota|os error 122/.test(String(error));
}
