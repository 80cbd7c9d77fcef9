// Runs in: main thread.
import type { ConfigStatus } from "../../shared/message.ts";
import type { Logger } from "../../shared/logger.ts";
import { cutText } from "../../shared/text.ts";
import { version } from "../../shared/version.ts";
import type { CheckOptions } from "../config_check.ts";
import type { Paths } from "../paths.ts";
import { bootFacts } from "../clock_trust.ts";
import { readKept } from "../kept_values.ts";
import { isObject } from "./entries.ts";
import { Intake } from "./intake.ts";
import { readJournal } from "./journal.ts";
import { type Outcome, type Reconfigurable, reconfigure, resumeReconfiguration } from "./reconfigure.ts";
import { allowRefused, keepRefused, readRefused, removeRefused } from "./refused_configuration.ts";
import { MAX_REASON_LENGTH, Revisions } from "./revisions.ts";
import type { Update } from "./probation.ts";
import type { OfferedPackage, Packages } from "./packages.ts";
import type { Updater } from "./updater.ts";

export interface RemoteConfigurationOptions {
  agent: Reconfigurable;
  /** Brings other versions. */
  updater: Updater;
  packages: Packages;
  paths: Paths;
  check: CheckOptions;
  logger: Logger;
  /** Tells the servers what became of a configuration; resolves when the message is safe. */
  report: (status: ConfigStatus, config: unknown, reason?: string) => Promise<void>;
  /** How long a new configuration is watched, in milliseconds. */
  watchMs?: number;
}

/** An attempt that a power cut has ended is made once more. */
const MAX_ATTEMPTS = 2;

/** Remote configurations, from their arrival to the report of what became of them. */
export class RemoteConfiguration {
  #options: RemoteConfigurationOptions;
  #revisions: Revisions;
  #intake: Intake;
  #ending = new AbortController();

  constructor(options: RemoteConfigurationOptions) {
    this.#options = options;
    this.#revisions = new Revisions(options.paths);
    const { agent, logger, updater, paths, check } = options;
    this.#giveUpInterrupted();
    this.#intake = new Intake({
      current: () => ({
        raw: agent.loaded.raw,
        revision: agent.loaded.config.general.config_revision,
        softwareVersion: version,
        rules: {
          procedures: check.procedures,
          backends: check.backends,
        },
        hasCredentials: (backend) => readKept(paths, backend) !== null,
      }),
      revisions: this.#revisions,
      logger,
      report: async (status, revision, config, reason) => {
        if (status !== "received") this.#forgetAllowed(revision);
        return await this.#report(status, revision, config, reason);
      },
      keepRefused: (revision, config, reason) => this.#keepRefused(revision, config, reason),
      reconfigure: async (config) => {
        await updater.settled();
        return await reconfigure(config, this.#reconfigureOptions);
      },
      ...(agent.loaded.config.updater === null ? {} : {
        upgrade: (version, config, revision) => updater.upgrade({ version, config, revision }),
      }),
      signal: this.#ending.signal,
    });
  }

  /** What became of revisions so far. */
  get history(): Revisions["history"] {
    return this.#revisions.history;
  }

  /** Goes on where the last agent was interrupted. To be called when everything runs. */
  async start(): Promise<void> {
    for (const { revision, reason } of this.#revisions.unreported) {
      if (await this.#report("rejected", revision, undefined, reason)) this.#revisions.markReported(revision);
    }
    const update = await this.#options.updater.resume();
    if (update !== undefined) await this.#finishUpdate(update);
    const resumed = await resumeReconfiguration(this.#reconfigureOptions);
    if (resumed !== undefined) await this.#finish(resumed.revision, resumed.outcome);
    this.#takeAllowed();
  }

  /**
   * A person on the node allows a revision that only a person may allow: it is taken now.
   *
   * @throws {CommandError} when that one does not lie here.
   */
  allow(revision: number): { reason: string } {
    const { reason } = allowRefused(this.#options.paths, revision);
    this.#takeAllowed();
    return { reason };
  }

  /** Takes what a person has allowed, if there is something. */
  #takeAllowed(): void {
    const refused = readRefused(this.#options.paths);
    if (refused?.isAllowed !== true) return;
    this.#options.logger.info(`configuration ${refused.revision} was allowed by a person on the node`);
    this.#revisions.forget(refused.revision);
    this.#intake.receiveAllowed(refused.revision, refused.config);
  }

  /** A configuration has come from a server. @param excess why it is too much to be looked at */
  receive(revision: number, config: unknown, excess?: string): void {
    this.#intake.receive(revision, config, excess);
  }

  /** A server has assigned a package to this node. */
  receivePackage(offered: OfferedPackage): void {
    const { agent, updater, packages } = this.#options;
    const provider = agent.loaded.config.updater?.provider;
    if (provider !== "thingsboard") {
      const where = provider === undefined ? "is updated by hand" : `takes its releases from ${provider}`;
      return packages.refuse(offered, `this node ${where}: "updater.provider" is not "thingsboard"`);
    }
    const { title, version } = offered.offer;
    this.#intake.offer(`the package ${title} ${version}`, () => updater.upgradeByPackage(offered));
  }

  /** Ends what is under way; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#revisions.end(); // the attempt is ended by us, and made again
    this.#options.updater.stop();
    await this.#intake.settled();
  }

  /** An agent that ended without a word while it tried a revision may have been ended by it. */
  #giveUpInterrupted(): void {
    const { agent, paths } = this.#options;
    const { tried, rejected } = this.#revisions;
    if (tried === undefined || readJournal(paths.reconfiguration)?.revision === tried.revision) return;
    const { revision, bootId, attempts } = tried;
    const isOver = revision <= agent.loaded.config.general.config_revision || rejected.has(revision);
    if (!isOver && bootId !== bootFacts().id && attempts < MAX_ATTEMPTS) return; // the power went
    if (!isOver) this.#revisions.reject(revision, "the agent was killed while it tried this configuration");
    this.#revisions.end();
  }

  #keepRefused(revision: number, config: unknown, reason: string): void {
    try {
      keepRefused(this.#options.paths, { revision, reason, config, isAllowed: false });
    } catch (error) {
      this.#options.logger.exception(`configuration ${revision} could not be kept to be allowed`, error);
    }
  }

  #forgetAllowed(revision: number): void {
    const refused = readRefused(this.#options.paths);
    if (refused?.isAllowed === true && refused.revision === revision) removeRefused(this.#options.paths);
  }

  async #finish(revision: number, outcome: Outcome): Promise<void> {
    const { agent, logger } = this.#options;
    if (outcome.kind === "accepted" || outcome.kind === "rejected") {
      this.#revisions.end();
      this.#forgetAllowed(revision);
    }
    if (outcome.kind === "accepted") {
      logger.info(`configuration ${revision} is accepted`);
      this.#revisions.accept(revision);
      await this.#report("accepted", revision, agent.loaded.raw);
    } else if (outcome.kind === "rejected") {
      const reason = cutText(outcome.reason, MAX_REASON_LENGTH);
      logger.warning(`configuration ${revision} is rejected: ${reason}`);
      this.#revisions.reject(revision, reason);
      const isReported = await this.#report("rejected", revision, undefined, reason);
      if (isReported) this.#revisions.markReported(revision);
    }
  }

  async #finishUpdate({ version, revision, outcome }: Update): Promise<void> {
    const { logger } = this.#options;
    if (outcome.kind === "interrupted") return;
    if (outcome.kind === "postponed") logger.warning(`${outcome.reason}; it will be tried again`);
    else if (revision !== null) await this.#finish(revision, outcome);
    else if (outcome.kind === "rejected") logger.warning(outcome.reason);
    else logger.info(`${version} is accepted`);
  }

  /** The revision stands in every report, whatever the configuration itself looks like. */
  async #report(
    status: ConfigStatus,
    revision: number,
    config: unknown,
    reason?: string,
  ): Promise<boolean> {
    const whole = isObject(config) ? config : {};
    const general = isObject(whole["general"]) ? whole["general"] : {};
    const shown = { ...whole, general: { ...general, config_revision: revision } };
    try {
      await this.#options.report(status, shown, reason);
      return true;
    } catch (error) {
      this.#options.logger.exception(`"${status}" of configuration ${revision} could not be told`, error);
      return false;
    }
  }

  get #reconfigureOptions() {
    const { agent, paths, check, logger, watchMs } = this.#options;
    const { signal } = this.#ending;
    const revisions = this.#revisions;
    return { agent, paths, check, logger, revisions, signal, ...(watchMs === undefined ? {} : { watchMs }) };
  }
}
