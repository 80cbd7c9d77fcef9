// Runs in: main thread.
import { join } from "@std/path";
import { configJsonSchema } from "../../shared/config.ts";
import type { Logger } from "../../shared/logger.ts";
import type { LogEntry } from "../../shared/protocol.ts";
import type { Release } from "../../shared/release.ts";
import { dateOf } from "../../shared/release_marks.ts";
import { formatDuration } from "../../shared/time.ts";
import { version as running } from "../../shared/version.ts";
import type { LoadedConfig } from "../configuration.ts";
import { CommandError } from "../errors.ts";
import { moveJournals } from "../move_journals.ts";
import type { Paths } from "../paths.ts";
import { resolveSecrets } from "../secret_values.ts";
import { findVersion } from "./fetch_version.ts";
import type { Vitals } from "./health.ts";
import type { OfferedPackage, Packages } from "./packages.ts";
import { type ResumePhase, resumeUpgrade, type Update } from "./probation.ts";
import type { Outcome } from "./reconfigure.ts";
import { rollBack } from "./roll_back.ts";
import { SourceAge } from "./source_age.ts";
import { upgrade, type Wish } from "./upgrade.ts";

export interface UpdaterOptions {
  paths: Paths;
  /** The running binary; undefined = Ivy runs from its sources, which nothing updates. */
  binary: string | undefined;
  /** The configuration in use. */
  loaded: () => LoadedConfig;
  vitals: Vitals;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** The release worker's module. */
  releaseModule: string;
  environment: Record<string, string>;
  /** Asks for this process to be replaced by the active version. */
  restart: (reason: string) => void;
  /** How long the old version tries to reach what a new one could not, in milliseconds; default 60 s. */
  reachLimitMs?: number | undefined;
  pace?: { stallMs: number; retryMs: number; attempts: number };
  /** How long a start may do nothing beyond its probation before the launcher ends it; default 120 s. */
  hangSeconds?: number;
  /** Versions that servers offer as packages. */
  packages?: Packages;
  /** Commands look for the agent's socket in `control/` from now on. */
  onJournalsMoved?: () => void;
}

/** What `ivy update --check` tells of a release. */
export interface ReleaseFacts {
  version: string;
  serial: number;
  /** The day on which it was current, as `2026-11-30`; null where its list does not say. */
  date: string | null;
  running_version: string;
}

/** A version that has not proved itself, as `ivy status --json` and `ivy info --json` show it. */
export interface ProbationJson {
  /** What runs again if it fails. */
  version_before: string;
  seconds_left: number;
}

/** Other versions of this program: brings them, switches to them, and back. One at a time. */
export class Updater {
  #phase = "";
  #resumePhase: ResumePhase | undefined;
  #options: UpdaterOptions;
  #ending = new AbortController();
  #resumed: Promise<unknown> = Promise.resolve();
  #isBusy = false;
  #watchers = new Set<(phase: string) => void>();
  #sourceAge: SourceAge;

  constructor(options: UpdaterOptions) {
    this.#options = options;
    const { paths, logger, loaded } = options;
    this.#sourceAge = new SourceAge({
      paths,
      logger,
      maxAgeDays: () => loaded().config.updater?.max_age_days ?? null,
      findNewest: () => this.#findNewest(),
    });
  }

  /** What is being done now, and what runs on probation; empty = nothing. */
  get phase(): string {
    if (this.#resumePhase === undefined) return this.#phase;
    if (this.#resumePhase.kind === "aftermath") {
      return `finding out why ${this.#resumePhase.version} was left`;
    }
    const { version_before: before, seconds_left: seconds } = this.probation!;
    return `${running} is on probation for ${formatDuration(seconds * 1000)} more, ${before} would take over`;
  }

  /** Null when the running version has proved itself. */
  get probation(): ProbationJson | null {
    if (this.#resumePhase?.kind !== "probation") return null;
    const { from, endsMs } = this.#resumePhase;
    const leftMs = Math.max(0, endsMs - performance.now());
    return { version_before: from, seconds_left: Math.ceil(leftMs / 1000) };
  }

  /** Goes on with an update that this start is part of. To be called once, when everything runs. */
  async resume(): Promise<Update | undefined> {
    const resuming = this.#resume().then((update) => {
      if (update?.outcome.kind !== "interrupted") this.#moveJournals();
      return update;
    });
    this.#resumed = resuming.catch(() => {});
    const update = await resuming;
    if (update !== undefined) this.#tellOutcome(update.version, update.outcome);
    return update;
  }

  async #resume(): Promise<Update | undefined> {
    const { paths, vitals, logger, restart, loaded, reachLimitMs } = this.#options;
    const { config } = loaded();
    return await resumeUpgrade({
      paths,
      vitals,
      present: {
        procedures: Object.entries(config.procedures).filter(([, { enabled }]) => enabled).map(([name]) =>
          name
        ),
        backends: config.backends.map(({ name, provider }) => name ?? provider),
      },
      probationMs: (config.updater?.probation_seconds ?? 300) * 1000,
      logger,
      restart,
      signal: this.#ending.signal,
      onPhase: (phase) => this.#resumePhase = phase,
      ...(reachLimitMs === undefined ? {} : { reachLimitMs }),
    });
  }

  /** Version 0.1 comes back by itself no more. A disk that takes nothing leaves all in its place until the next start. */
  #moveJournals(): void {
    const { paths, logger, onJournalsMoved } = this.#options;
    try {
      for (const line of moveJournals(paths, onJournalsMoved)) logger.info(line);
    } catch (error) {
      logger.exception("journals stay in the data folder until the next start", error);
    }
  }

  /** What only time can mend is tried again: there is nothing to tell yet. */
  #tellOutcome(version: string, outcome: Outcome): void {
    const { packages } = this.#options;
    if (outcome.kind === "accepted") packages?.advance(version, "UPDATED");
    if (outcome.kind === "rejected") packages?.advance(version, "FAILED", outcome.reason);
  }

  /** Resolves when the running version is on probation no more. */
  async settled(): Promise<void> {
    await this.#resumed;
  }

  /** Brings another version, if this node may; see {@link upgrade}. */
  async upgrade(wish: Wish): Promise<Outcome> {
    await this.#resumed;
    if (this.#isBusy) return { kind: "postponed", reason: "another update is under way" };
    this.#isBusy = true;
    try {
      const { settings, token } = this.#settings();
      const { packages } = this.#options;
      const offered = settings.provider === "thingsboard" ? packages?.find(wish.version) : undefined;
      if (offered !== undefined) packages!.begin(offered);
      const outcome = await upgrade(wish, {
        ...this.#options,
        settings,
        token,
        onPhase: (phase) => this.#setPhase(phase),
        onState: (state) => packages?.advance(wish.version, state),
        signal: this.#ending.signal,
      });
      this.#tellOutcome(wish.version, outcome);
      return outcome;
    } finally {
      this.#isBusy = false;
    }
  }

  /** The wish of a person on the node: another version with the configuration in use. */
  async upgradeByHand(version: string, folder?: string): Promise<Outcome> {
    if (version === running) throw new CommandError(`${version} runs already`);
    const wish = { version, config: this.#configFor(version), revision: null, isUrgent: true };
    return await this.upgrade(folder === undefined ? wish : { ...wish, folder });
  }

  /** A server has assigned a package to this node: its version, with the configuration in use. */
  async upgradeByPackage({ backend, offer }: OfferedPackage): Promise<Outcome> {
    const { version } = offer;
    if (this.#options.packages?.find(version)?.backend !== backend) return { kind: "interrupted" };
    return await this.upgrade({ version, config: this.#configFor(version), revision: null });
  }

  /** That the source of releases offers nothing new; undefined when it does, or nobody wants to know. */
  get sourceWarning(): string | undefined {
    return this.#sourceAge.warning;
  }

  /** To be called now and then, while the clock is right: looks once a day whether there are new releases. */
  async watchSource(nowMs: number): Promise<void> {
    if (!this.#isBusy) await this.#sourceAge.look(nowMs);
  }

  /** Beside an update that a server may order meanwhile. */
  async #findNewest(): Promise<Release> {
    const folder = Deno.makeTempDirSync({ prefix: "ivy-source-" });
    try {
      return await this.#find({ version: null, folder: undefined, staging: join(folder, "staging") });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }

  #configFor(version: string): Record<string, unknown> {
    const raw = this.#options.loaded().raw as { general: object };
    return { ...raw, general: { ...raw.general, software_version: version } };
  }

  /** Looks for a version (null = the newest) without bringing it. */
  async check(version: string | null, folder?: string): Promise<ReleaseFacts> {
    if (this.#isBusy) throw new CommandError("an update is under way");
    const release = await this.#find({ version, folder, staging: this.#options.paths.staging });
    const date = dateOf(release) ?? null;
    return { version: release.version, serial: release.serial, date, running_version: running };
  }

  async #find(
    { version, folder, staging }: { version: string | null; folder: string | undefined; staging: string },
  ): Promise<Release> {
    const { settings, token } = this.#settings();
    const { releaseModule: module, paths, onLog, pace, packages } = this.#options;
    return await findVersion({
      paths: { ...paths, staging },
      binary: undefined,
      packages,
      ...(pace === undefined ? {} : { pace }),
      settings,
      token,
      version,
      folder,
      module,
      onLog,
      onPhase: () => {},
    });
  }

  /** Makes the version before the active one, for good. @returns its name. */
  rollBack(): string {
    const previous = rollBack(this.#options.paths);
    this.#options.restart(`back to Ivy ${previous}, as asked for`);
    return previous;
  }

  /** Calls `watch` with each phase until the signal aborts. */
  watch(watch: (phase: string) => void): () => void {
    this.#watchers.add(watch);
    return () => this.#watchers.delete(watch);
  }

  /** Ends what is under way; the next start goes on with it. */
  stop(): void {
    this.#ending.abort();
  }

  #setPhase(phase: string): void {
    this.#phase = phase;
    if (phase !== "" && !phase.startsWith("downloading: ")) this.#options.logger.info(phase);
    for (const watch of this.#watchers) watch(phase);
  }

  /** @throws {CommandError} when the node is updated by hand, or its token is not there. */
  #settings() {
    const { loaded, environment } = this.#options;
    const { config: { updater: settings }, raw } = loaded();
    if (settings === null) {
      throw new CommandError(
        '"updater" is null in the configuration: it says where releases are, and who may sign',
      );
    }
    const schema = configJsonSchema().properties!["updater"]!;
    const { updater } = raw as { updater: unknown };
    const { value, faults } = resolveSecrets(updater, schema, environment, ["updater"]);
    if (faults.length > 0) throw new CommandError(faults.join("; "));
    const { access_token: token = null } = value as { access_token?: string | null };
    return { settings, token };
  }
}
