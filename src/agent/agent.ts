// Runs in: main thread.
import type { ConfigStatus } from "../shared/message.ts";
import { MessageSender } from "../shared/message_sender.ts";
import type { StoredMessage } from "../shared/protocol.ts";
import { sentenceOf } from "../shared/errors.ts";
import { stateFields } from "../shared/state.ts";
import { withLimit } from "../shared/time.ts";
import { version } from "../shared/version.ts";
import { ConfigError, keepAsLastGood, type LoadedConfig, redactConfig } from "./configuration.ts";
import { ControlServer } from "./control_server.ts";
import { readFailures } from "./failures_before.ts";
import { FolderWatch } from "./folder_watch.ts";
import { removeOldLogs } from "./log_files.ts";
import { type Logging, setUpLogging } from "./logging.ts";
import { packOldLogs } from "./pack_logs.ts";
import type { Parts } from "./parts.ts";
import type { Paths } from "./paths.ts";
import { NodePage } from "./page/node_page.ts";
import { pauseRoute } from "./pause_route.ts";
import { environmentReferences } from "./secret_values.ts";
import { PointWatch } from "./point_watch.ts";
import type { RunLock } from "./run_lock.ts";
import { ServerCalls } from "./server_calls.ts";
import { StateAuthority } from "./state_authority.ts";
import { storageWarnings } from "./storage_warnings.ts";
import { StateKeeper } from "./state_keeper.ts";
import { stateRoutes } from "./state_routes.ts";
import { type AgentStatus, diskJson, statusOfWorkers, versionsJson } from "./status.ts";
import { runAcceptanceTests } from "./updater/acceptance.ts";
import { previousWhileWatched } from "./updater/count_start.ts";
import type { Vitals } from "./updater/health.ts";
import { Packages } from "./updater/packages.ts";
import { planChanges } from "./updater/plan_changes.ts";
import { RemoteConfiguration } from "./updater/remote_configuration.ts";
import { updateJson, updateRoutes } from "./updater/update_routes.ts";
import { Updater } from "./updater/updater.ts";
import { judge } from "./verdict.ts";
import { WorkerMaker } from "./worker_maker.ts";
import { Workers } from "./workers.ts";

/** 30 s for a procedure's own end, and a little for messages on their way. */
const STOP_GRACE_MS = 32_000;
/** The same when a stuck thread forces a restart: everything must be over within two seconds. */
const HASTY_GRACE_MS = 800;
/** How long main's own last messages may wait for the store, in milliseconds. */
const LAST_MESSAGES_LIMIT_MS = 200;
/** How long an answer to a server may be on its way before the agent ends, in milliseconds. */
const ANSWER_MS = 1000;
const HOUR_MS = 3_600_000;

export interface AgentOptions {
  parts: Parts;
  paths: Paths;
  loaded: LoadedConfig;
  /** The environment as it was when the process started. */
  environment: Record<string, string>;
  /** Colours on the console. */
  colour: boolean;
  /** Shows every message as it is stored; undefined = do not. */
  onStored?: (messages: StoredMessage[]) => void;
  /** Makes this agent the only one of its root. */
  lock: RunLock;
  /** The root belongs to somebody else by now: this process must end. */
  onRootLost: (reason: string) => void;
  /** The process must be replaced by a fresh one: only that ends a thread that cannot be stopped. */
  onRestartNeeded: (reason: string, hasty: boolean) => void;
}

/** The running agent: builds every part, hands each what it needs, and takes all down in order. */
export class Agent {
  /** Resolves when every procedure has been started once. */
  ready: Promise<void> = Promise.resolve();
  #options: AgentOptions;
  #logging: Logging;
  #sender: MessageSender;
  #state = new StateAuthority(stateFields);
  #stateKeeper: StateKeeper;
  #packages: Packages;
  #workers: Workers;
  #loaded: LoadedConfig;
  #remote: RemoteConfiguration;
  #updater: Updater;
  #calls: ServerCalls;
  #control: ControlServer | undefined;
  #folders: FolderWatch | undefined;
  #page: NodePage;
  #points = new PointWatch(() => this.#workers.store);
  #startedMs = Date.now();
  #isReady = false;
  #isStopping = false;
  /** The last error of the main thread that nobody caught. */
  #fault: { timeMs: number; text: string } | undefined;
  #houseKeeping: ReturnType<typeof setInterval> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#sender = new MessageSender({ now: () => Date.now(), onFailure: (error) => this.#unsent(error) });
    this.#logging = this.#setUpLogging();
    this.#stateKeeper = this.#makeStateKeeper();
    this.#packages = this.#makePackages();
    this.#workers = this.#makeWorkers();
    this.#calls = this.#makeServerCalls();
    this.#updater = this.#makeUpdater();
    this.#remote = this.#makeRemoteConfiguration();
    this.#page = this.#makePage();
  }

  /** The configuration in use. */
  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  /** What can be seen of the workers while a new configuration or version proves itself. */
  get vitals(): Vitals {
    return {
      ...this.#workers.vitals,
      fault: (sinceMs) =>
        this.#fault === undefined || this.#fault.timeMs < sinceMs ? undefined : this.#fault.text,
    };
  }

  /** How often in a row each procedure has failed, for the process that takes over. */
  get failures(): Record<string, number> {
    return this.#workers.failures;
  }

  /**
   * Starts everything.
   *
   * @throws {ConfigError} with all faults that the procedures find in their settings; nothing runs then.
   */
  async start(): Promise<void> {
    const { paths } = this.#options;
    const loaded = this.#loaded;
    const log = this.#logging.logger("agent");
    log.info(`Ivy ${version} starts`, { root: paths.root, pid: Deno.pid, config: loaded.file });
    if (loaded.damage !== undefined) {
      log.error(`the configuration is damaged; the last one that ran is used instead: ${loaded.damage}`);
    }
    this.#warnOfLimits();
    for (const warning of loaded.warnings) {
      log.warning(`the configuration is one of an earlier version: ${warning}`);
    }
    for (const name of environmentReferences(loaded.raw)) Deno.env.delete(name); // for no worker to see
    const restored = this.#stateKeeper.start();
    const faults = await this.#workers.start();
    if (faults.length > 0) await this.#refuse(faults);
    this.#keepConfig();
    await restored;
    this.#control = new ControlServer(paths, this.#routes());
    this.#folders = this.#watchFolders(this.#control);
    this.#workers.run();
    this.#page.open();
    void this.#reportConfig("startup", loaded.raw).catch(() => {}); // told by the sender; a full disk is no reason to end
    this.#keepHouse();
    this.ready = this.#workers.attempted().then(() => {
      this.#isReady = true;
      log.info(`ready: ${this.#workers.procedures.length} procedures have been started`);
    });
    void this.#remote.start().catch((error) => log.exception("the updater could not be started", error));
  }

  /**
   * Takes everything down in order: procedures, then backends (which send what waits), then the store.
   *
   * @param hasty A thread is stuck; what does not end quickly is terminated.
   */
  async stop(reason: string, { hasty = false } = {}): Promise<void> {
    const graceMs = hasty ? HASTY_GRACE_MS : this.#stopGraceMs;
    const { store, procedures, backends } = this.#workers;
    this.#isStopping = true;
    this.#logging.logger("agent").info(`stopping: ${reason}`);
    clearInterval(this.#houseKeeping);
    await this.#folders?.close();
    await this.#page.close();
    await withLimit(this.#remote.stop(), HASTY_GRACE_MS, undefined);
    await Promise.all(procedures.map((procedure) => procedure.stop(graceMs)));
    const storeRuns = store.status().state === "running"; // what waits for another is not safe anyway
    await withLimit(this.#sender.settled(), storeRuns ? LAST_MESSAGES_LIMIT_MS : 0, undefined);
    await Promise.all(backends.map((backend) => backend.stop(hasty ? graceMs : Infinity)));
    await store.stop(graceMs);
    await withLimit(this.#stateKeeper.close(), graceMs, undefined);
    this.#state.close();
    await this.#control?.close();
    this.#logging.logger("agent").info("stopped");
    await this.#logging.close();
  }

  async status(): Promise<AgentStatus> {
    const { paths } = this.#options;
    const { config: { general, storage }, damage } = this.#loaded;
    const memory = Deno.memoryUsage();
    const status = {
      pid: Deno.pid,
      software_version: version,
      system_identifier: general.system_identifier,
      config_revision: general.config_revision,
      root: paths.root,
      started_ms: this.#startedMs,
      uptime_seconds: Math.round((Date.now() - this.#startedMs) / 1000),
      ready: this.#isReady,
      rss_bytes: memory.rss,
      main_heap_bytes: memory.heapUsed + memory.external,
      config_damage: damage ?? null,
      ...updateJson(this.#updater),
      update_warning: this.#updater.sourceWarning ?? null,
      ...await statusOfWorkers(this.#workers, this.#logging.redact),
      disk: diskJson(paths.data, storage),
      clock: { time_ms: Date.now(), is_trusted: this.#workers.store.clockIsTrusted },
      versions: versionsJson(),
    };
    return { verdict: judge(status), ...status };
  }

  /** Takes another configuration into use: restarts what it concerns, and only that. */
  async apply(next: LoadedConfig): Promise<void> {
    const { raw: previous } = this.#loaded;
    const changes = planChanges(previous, next.raw);
    this.#loaded = next;
    for (const name of environmentReferences(next.raw)) Deno.env.delete(name);
    if (changes.storage) this.#warnOfLimits();
    if (changes.logging) this.#logging.setThresholds(this.#thresholds());
    await this.#workers.apply(next, changes, previous);
    if (changes.page) await this.#page.reopen();
  }

  /** The configuration in use stays: what waits for backends that it does not have is let go. */
  confirm(): void {
    this.#workers.keepFor(this.#loaded);
  }

  get #stopGraceMs(): number {
    return this.#options.parts.stopGraceMs ?? STOP_GRACE_MS;
  }

  #routes() {
    return {
      "GET /v1/status": () => this.status(),
      "POST /v1/store": async (request: Request) => await this.#workers.store.request(await request.json()),
      ...stateRoutes(this.#state),
      ...updateRoutes(this.#updater),
      "POST /v1/config/accept": async (request: Request) =>
        this.#remote.allow((await request.json() as { revision: number }).revision),
      "POST /v1/pause_procedure": pauseRoute({
        procedures: () => this.#workers.procedures,
        graceMs: this.#stopGraceMs,
        mayResume: () => !this.#isStopping,
        logger: this.#logging.logger("agent"),
      }),
    };
  }

  #watchFolders(control: ControlServer): FolderWatch {
    const { paths, lock, onRestartNeeded, onRootLost } = this.#options;
    const logger = this.#logging.logger("agent");
    return new FolderWatch({
      paths,
      lock,
      logger,
      renew: [() => control.renew(), () => this.#logging.renew()],
      onRootLost(reason) {
        logger.error(reason);
        onRootLost(reason);
      },
      onDataLost(reason) {
        logger.error(`${reason}; the agent restarts itself with what is there now`);
        onRestartNeeded(reason, false);
      },
    });
  }

  #setUpLogging(): Logging {
    return setUpLogging({
      thresholds: this.#loaded.config.logging_verbosity,
      directory: this.#options.paths.logs,
      colour: this.#options.colour,
      sendMessage: ({ level, origin, subject, details }) =>
        void this.#sender.log(level, `${origin}: ${subject}`, details),
    });
  }

  #makeStateKeeper(): StateKeeper {
    return new StateKeeper({
      path: this.#options.paths.stateFile,
      fields: stateFields,
      authority: this.#state,
      logger: this.#logging.logger("state"),
      now: () => Date.now(),
    });
  }

  #makeWorkers(): Workers {
    const { parts, paths, environment, onStored } = this.#options;
    const maker = new WorkerMaker({
      parts,
      paths,
      environment,
      loaded: () => this.#loaded,
      logging: this.#logging,
      state: this.#state,
      agentStartedMs: this.#startedMs,
      failuresBefore: readFailures(environment),
      onStored,
      onConfiguration: (...received) => this.#remote.receive(...received),
      onCall: (entry, method, params) => this.#calls.call(entry, method, params),
      packages: this.#packages,
      onPoints: (points) => this.#points.tell(points),
      onUnstoppable: (name) => this.#restart(name),
    });
    return new Workers({
      maker,
      loaded: this.#loaded,
      previous: previousWhileWatched(paths),
      graceMs: this.#stopGraceMs,
      onStore: () => {
        this.#sender.attach(this.#workers.store.openPort({ name: "agent", generation: 0 }));
        this.#points.renew();
      },
    });
  }

  #makePackages(): Packages {
    return new Packages({
      paths: this.#options.paths,
      logger: this.#logging.logger("updater"),
      bringers: () => this.#workers.backends,
      onOffer: (offered) => this.#remote.receivePackage(offered),
    });
  }

  #makeServerCalls(): ServerCalls {
    const { paths, environment, onRestartNeeded } = this.#options;
    return new ServerCalls({
      procedures: () => this.#workers.procedures,
      status: () => this.status(),
      restart: () => setTimeout(() => onRestartNeeded("a server asks for it", false), ANSWER_MS),
      restartProcedure: async (host) => {
        await host.stop(this.#stopGraceMs);
        host.start();
      },
      runTests: () => runAcceptanceTests({ root: paths.root, configFile: paths.configFile, environment }),
      rebootCommand: environment["IVY_REBOOT_COMMAND"]?.split(" "),
      logger: this.#logging.logger("agent"),
    });
  }

  #makeUpdater(): Updater {
    const { parts, paths, environment, onRestartNeeded } = this.#options;
    return new Updater({
      paths,
      binary: Deno.build.standalone ? Deno.execPath() : undefined,
      loaded: () => this.#loaded,
      vitals: this.vitals,
      logger: this.#logging.logger("updater"),
      onLog: (entry) => this.#logging.write(entry),
      releaseModule: parts.releaseModule,
      reachLimitMs: parts.reachLimitMs,
      ...(parts.releasePace === undefined ? {} : { pace: parts.releasePace }),
      ...(parts.hangSeconds === undefined ? {} : { hangSeconds: parts.hangSeconds }),
      environment,
      packages: this.#packages,
      restart: (reason) => onRestartNeeded(reason, false),
      onJournalsMoved: () => void this.#folders?.look(),
    });
  }

  #makeRemoteConfiguration(): RemoteConfiguration {
    const { parts, paths, environment } = this.#options;
    return new RemoteConfiguration({
      agent: this,
      updater: this.#updater,
      packages: this.#packages,
      paths,
      check: { ...parts, paths, environment },
      logger: this.#logging.logger("updater"),
      report: (status, config, reason) => this.#reportConfig(status, config, reason),
      ...(parts.configWatchMs === undefined ? {} : { watchMs: parts.configWatchMs }),
    });
  }

  #makePage(): NodePage {
    const { paths, environment } = this.#options;
    return new NodePage({
      paths,
      environment,
      status: () => this.status(),
      loaded: () => this.#loaded,
      workers: () => this.#workers,
      remote: () => this.#remote,
      points: this.#points,
      state: this.#state,
      logging: this.#logging,
    });
  }

  /** @throws {ConfigError} after everything has been taken down. */
  async #refuse(faults: string[]): Promise<never> {
    const { file } = this.#loaded;
    const subject = `Ivy does not start: ${file} is not a valid configuration`;
    this.#logging.logger("agent").error(subject, faults.join("\n"));
    await this.stop("the configuration is not valid", { hasty: true });
    throw new ConfigError(file, faults);
  }

  /** Tells the servers about a configuration, without its secrets; resolves when the message is safe. */
  async #reportConfig(status: ConfigStatus, config: unknown, reason?: string): Promise<void> {
    const shown = redactConfig(config, this.#workers.schemas);
    const message = { variant: "config", status, config: shown } as const;
    await this.#sender.send(
      reason === undefined ? message : { ...message, reason: this.#logging.redact(reason) },
    );
  }

  /** The configuration's, but for a console that was turned off when the agent was started. */
  #thresholds(): LoadedConfig["config"]["logging_verbosity"] {
    const { config, raw } = this.#options.loaded;
    const asked = (raw as typeof config).logging_verbosity.console_prints;
    const isSilent = asked !== null && config.logging_verbosity.console_prints === null;
    const { logging_verbosity: thresholds } = this.#loaded.config;
    return isSilent ? { ...thresholds, console_prints: null } : thresholds;
  }

  #warnOfLimits(): void {
    const log = this.#logging.logger("agent");
    for (const warning of storageWarnings(this.#loaded.config.storage, this.#options.paths)) {
      log.warning(warning);
    }
  }

  /** A full disk must not keep the node from measuring. */
  #keepConfig(): void {
    try {
      keepAsLastGood(this.#options.paths, this.#loaded);
    } catch (error) {
      this.#logging.logger("agent").exception("a copy of the configuration could not be kept", error);
    }
  }

  #restart(culprit: string): void {
    if (this.#isStopping) return;
    const reason =
      `the thread of "${culprit}" cannot be stopped by this version of Deno; the agent restarts itself`;
    this.#logging.logger("agent").error(reason);
    this.#options.onRestartNeeded(reason, true);
  }

  #watchSource(): void {
    if (!this.#workers.store.clockIsTrusted) return;
    const log = this.#logging.logger("updater");
    void this.#updater.watchSource(Date.now()).catch((error) => log.warning(sentenceOf(error)));
  }

  #keepHouse(): void {
    const { paths } = this.#options;
    const cleanUp = () => {
      const { config } = this.#loaded;
      const removed = removeOldLogs(paths.logs, {
        retentionDays: config.storage.log_retention_days,
        clockIsTrusted: this.#workers.store.clockIsTrusted,
        nowMs: Date.now(),
      });
      const log = this.#logging.logger("agent");
      if (removed.length > 0) log.info(`removed the logs of ${removed.join(", ")}`);
      void packOldLogs(paths.logs, Date.now()).catch((error) => log.warning(sentenceOf(error)));
    };
    const lookAfterAll = () => {
      cleanUp();
      this.#watchSource();
    };
    lookAfterAll();
    this.#houseKeeping = setInterval(lookAfterAll, HOUR_MS);
  }

  /** An error of the main thread that nobody caught. */
  noteUncaught(error: unknown): void {
    this.#fault = { timeMs: Date.now(), text: `a fault of Ivy itself: ${sentenceOf(error)}` };
    this.#logging.logger("agent").exception(
      "a fault of Ivy itself broke off what it was at; all else goes on",
      error,
    );
  }

  /** A log message that could not be stored must not become another log message. */
  #unsent(error: Error): void {
    this.#logging.write({
      level: "DEBUG",
      origin: "agent",
      subject: `a message was not stored: ${error.message}`,
      details: "",
      timeMs: Date.now(),
    });
  }
}
