// Runs in: main thread.
import { procedures as shippedProcedures } from "../../procedures/registry.ts";
import { backends as shippedBackends } from "../backends/registry.ts";
import {
  type BackendFacts,
  type LogEntry,
  type NodeFacts,
  type Producer,
  type StoredMessage,
} from "../shared/protocol.ts";
import type { ConfigStatus } from "../shared/message.ts";
import { MessageSender } from "../shared/message_sender.ts";
import type { BackendRegistry, ProcedureRegistry } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { stateFields } from "../shared/state.ts";
import { defaultTexts } from "../shared/state_fields.ts";
import { withLimit } from "../shared/time.ts";
import { version } from "../shared/version.ts";
import { type BackendEntry, BackendHost } from "./backend_host.ts";
import {
  type AnnouncedSettings,
  backendEntries,
  ConfigError,
  keepAsLastGood,
  type LoadedConfig,
  redactConfig,
} from "./configuration.ts";
import { serveControl } from "./control_server.ts";
import { readFailures } from "./failures_before.ts";
import { removeOldLogs } from "./log_files.ts";
import { type Logging, setUpLogging } from "./logging.ts";
import type { Paths } from "./paths.ts";
import { ProcedureHost } from "./procedure_host.ts";
import { readKept, writeKept } from "./kept_values.ts";
import { modifiedMs } from "./files.ts";
import { environmentReferences, resolveSecrets } from "./secret_values.ts";
import { ServerCalls } from "./server_calls.ts";
import { StateAuthority } from "./state_authority.ts";
import { StateKeeper } from "./state_keeper.ts";
import { stateRoutes } from "./state_routes.ts";
import {
  type AgentStatus,
  backendStatusJson,
  storeStatisticsJson,
  type WorkerStatusJson,
  workerStatusJson,
} from "./status.ts";
import { StoreHost } from "./store_host.ts";
import { runAcceptanceTests } from "./updater/acceptance.ts";
import { previousWhileWatched } from "./updater/count_start.ts";
import type { Vitals } from "./updater/health.ts";
import { type Changes, planChanges } from "./updater/plan_changes.ts";
import { RemoteConfiguration } from "./updater/remote_configuration.ts";
import { updateRoutes } from "./updater/update_routes.ts";
import { Updater } from "./updater/updater.ts";

/** 30 s for a procedure's own end, and a little for messages on their way. */
const STOP_GRACE_MS = 32_000;
/** The same when a stuck thread forces a restart: everything must be over within two seconds. */
const HASTY_GRACE_MS = 800;
/** How long main's own last messages may wait for the store, in milliseconds. */
const LAST_MESSAGES_LIMIT_MS = 200;
/** How long a store that is busy may hold up `ivy status`, in milliseconds. */
const STATISTICS_LIMIT_MS = 1000;
/** How long a backend that starts again at once may send what waits, in milliseconds: the rest goes over afterwards. */
const RESTART_DRAIN_MS = 3000;
/** How long an answer to a server may be on its way before the agent ends, in milliseconds. */
const ANSWER_MS = 1000;
const DAY_MS = 86_400_000;

/** What a program is made of; a fork or a test passes its own. */
export interface Parts {
  procedures: ProcedureRegistry;
  backends: BackendRegistry;
  /** The store's worker module. */
  storeModule: string;
  /** The module that checks a large database. */
  checkerModule: string;
  /** The module that fetches releases. */
  releaseModule: string;
  /** How long an old version tries to reach what a new one could not, in milliseconds; default 60 s. */
  reachLimitMs?: number;
  /** How patiently releases are fetched. */
  releasePace?: { stallMs: number; retryMs: number; attempts: number };
  storeWatchdogMs?: number;
  /** How long a configuration from afar is watched before it is accepted, in milliseconds; default 60 s. */
  configWatchMs?: number;
  /** How long procedures may take to end, in milliseconds; default 32 s, of which 30 s are their own. */
  stopGraceMs?: number;
}

export const shippedParts: Parts = {
  procedures: shippedProcedures,
  backends: shippedBackends,
  storeModule: import.meta.resolve("../store/worker.ts"),
  checkerModule: import.meta.resolve("../store/check_worker.ts"),
  releaseModule: import.meta.resolve("../release/worker.ts"),
};

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
  #state = new StateAuthority(defaultTexts(stateFields));
  #stateKeeper: StateKeeper;
  #store: StoreHost;
  #procedures: ProcedureHost[];
  #backends: BackendHost[];
  #loaded: LoadedConfig;
  #schemas: AnnouncedSettings = { procedures: {}, backends: {} };
  #remote: RemoteConfiguration;
  #updater: Updater;
  #calls: ServerCalls;
  #runId = crypto.randomUUID();
  #control: { close(): Promise<void> } | undefined;
  #startedMs = Date.now();
  #isReady = false;
  #failuresBefore: Record<string, number>;
  #isStopping = false;
  #houseKeeping: ReturnType<typeof setInterval> | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#failuresBefore = readFailures(options.environment);
    this.#loaded = options.loaded;
    const { parts, paths, environment, loaded: { config } } = options;
    this.#sender = new MessageSender({ now: () => Date.now(), onFailure: (error) => this.#unsent(error) });
    this.#logging = setUpLogging({
      thresholds: config.logging_verbosity,
      directory: paths.logs,
      colour: options.colour,
      sendMessage: ({ level, origin, subject, details }) =>
        void this.#sender.log(level, `${origin}: ${subject}`, details),
    });
    this.#stateKeeper = new StateKeeper({
      path: paths.stateFile,
      fields: stateFields,
      authority: this.#state,
      logger: this.#logging.logger("state"),
      now: () => Date.now(),
    });
    this.#store = this.#createStore();
    this.#procedures = Object.entries(config.procedures)
      .filter(([, entry]) => entry.enabled)
      .map(([name, { enabled: _, ...settings }]) => this.#createProcedure(name, settings));
    this.#backends = backendEntries(options.loaded.raw).map((entry) => this.#createBackend(entry));
    this.#calls = new ServerCalls({
      procedures: () => this.#procedures,
      status: () => this.status(),
      restart: () => setTimeout(() => options.onRestartNeeded("a server asks for it", false), ANSWER_MS),
      restartProcedure: async (host) => {
        await host.stop(this.#stopGraceMs);
        host.start();
      },
      runTests: () => runAcceptanceTests({ root: paths.root, configFile: paths.configFile, environment }),
      rebootCommand: environment["IVY_REBOOT_COMMAND"]?.split(" "),
      logger: this.#logging.logger("agent"),
    });
    this.#updater = new Updater({
      paths,
      binary: Deno.build.standalone ? Deno.execPath() : undefined,
      loaded: () => this.#loaded,
      vitals: this.vitals,
      logger: this.#logging.logger("updater"),
      onLog: (entry) => this.#logging.write(entry),
      releaseModule: parts.releaseModule,
      reachLimitMs: parts.reachLimitMs,
      ...(parts.releasePace === undefined ? {} : { pace: parts.releasePace }),
      environment,
      restart: (reason) => options.onRestartNeeded(reason, false),
    });
    this.#remote = new RemoteConfiguration({
      agent: this,
      updater: this.#updater,
      paths,
      check: { ...parts, paths, environment },
      logger: this.#logging.logger("updater"),
      report: (status, config, reason) => this.#reportConfig(status, config, reason),
      ...(parts.configWatchMs === undefined ? {} : { watchMs: parts.configWatchMs }),
    });
  }

  /** The configuration in use. */
  get loaded(): LoadedConfig {
    return this.#loaded;
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
    for (const name of environmentReferences(loaded.raw)) Deno.env.delete(name); // for no worker to see
    const restored = this.#stateKeeper.start();
    await this.#store.start();
    this.#sender.attach(this.#store.openPort({ name: "agent", generation: 0 }));
    for (const worker of [...this.#procedures, ...this.#backends]) worker.start();
    await this.#checkSettings(this.#procedures, this.#backends);
    this.#keepConfig();
    await restored;
    this.#control = serveControl(paths.socket, this.#routes());
    for (const worker of [...this.#backends, ...this.#procedures]) worker.run();
    void this.#reportConfig("startup", loaded.raw);
    this.#keepHouse();
    this.ready = Promise.all(this.#procedures.map(({ attempted }) => attempted)).then(() => {
      this.#isReady = true;
      log.info(`ready: ${this.#procedures.length} procedures have been started`);
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
    this.#isStopping = true;
    this.#logging.logger("agent").info(`stopping: ${reason}`);
    clearInterval(this.#houseKeeping);
    await withLimit(this.#remote.stop(), HASTY_GRACE_MS, undefined);
    await Promise.all(this.#procedures.map((procedure) => procedure.stop(graceMs)));
    const storeRuns = this.#store.status().state === "running"; // what waits for another is not safe anyway
    await withLimit(this.#sender.settled(), storeRuns ? LAST_MESSAGES_LIMIT_MS : 0, undefined);
    await Promise.all(this.#backends.map((backend) => backend.stop(hasty ? graceMs : Infinity)));
    await this.#store.stop(graceMs);
    await withLimit(this.#stateKeeper.close(), graceMs, undefined);
    this.#state.close();
    await this.#control?.close();
    this.#logging.logger("agent").info("stopped");
    await this.#logging.close();
  }

  async status(): Promise<AgentStatus> {
    const { paths } = this.#options;
    const { config: { general }, damage } = this.#loaded;
    const memory = Deno.memoryUsage();
    const procedures = this.#procedures.map((host) => [host.name, this.#workerStatus(host)]);
    const statistics = this.#store.request({ kind: "statistics" });
    const counted = await withLimit(statistics, STATISTICS_LIMIT_MS, undefined);
    return {
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
      update: this.#updater.phase === "" ? null : this.#updater.phase,
      procedures: Object.fromEntries(procedures),
      backends: Object.fromEntries(this.#backends.map((host) => [host.name, {
        ...this.#workerStatus(host),
        ...backendStatusJson(host, counted),
      }])),
      store: { ...this.#workerStatus(this.#store), messages: storeStatisticsJson(counted) },
    };
  }

  /** How often in a row each procedure has failed, for the process that takes over. */
  get failures(): Record<string, number> {
    return Object.fromEntries(this.#procedures.map(({ name, failures }) => [name, failures]));
  }

  #workerStatus(host: ProcedureHost | BackendHost | StoreHost): WorkerStatusJson {
    const { last_error: error, ...status } = workerStatusJson(host.status());
    const shown = error && { ...error, message: this.#logging.redact(error.message) };
    return { ...status, last_error: shown };
  }

  get #stopGraceMs(): number {
    return this.#options.parts.stopGraceMs ?? STOP_GRACE_MS;
  }

  #routes() {
    return {
      "GET /v1/status": () => this.status(),
      "POST /v1/store": async (request: Request) => await this.#store.request(await request.json()),
      ...stateRoutes(this.#state),
      ...updateRoutes(this.#updater),
      "POST /v1/pause_procedure": (request: Request) => this.#pauseProcedure(request),
    };
  }

  /** Equipment is exclusive: a procedure ends while its self-test runs elsewhere, until the asker hangs up. */
  async #pauseProcedure(request: Request): Promise<Response> {
    const name = new URL(request.url).searchParams.get("name");
    const host = this.#procedures.find((procedure) => procedure.name === name);
    if (host === undefined || !host.hasSelfTest) return Response.json({ paused: false });
    this.#logging.logger("agent").info(`pausing ${host.name} for its self-test`);
    const release = await host.pause(this.#stopGraceMs);
    const resume = () => {
      if (!this.#isStopping) {
        this.#logging.logger("agent").info(`resuming ${host.name}`);
        host.start();
      }
      release();
    };
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("paused\n")),
      cancel: resume,
    });
    return new Response(body);
  }

  #createStore(): StoreHost {
    const { parts, paths, onStored } = this.#options;
    const { config } = this.#loaded;
    return new StoreHost({
      module: parts.storeModule,
      checkerModule: parts.checkerModule,
      backends: this.#backendNames(previousWhileWatched(paths)),
      directory: paths.data,
      runId: this.#runId,
      settings: config.storage,
      logger: this.#logging.logger("store"),
      onLog: (entry) => this.#logging.write(entry),
      onStored,
      onRestarted: () => this.#reconnectStore(),
      onUnstoppable: (name) => this.#restart(name),
      ...(parts.storeWatchdogMs === undefined ? {} : { watchdogMs: parts.storeWatchdogMs }),
    });
  }

  #createProcedure(name: string, settings: Record<string, unknown>): ProcedureHost {
    const { parts, paths, environment } = this.#options;
    return new ProcedureHost({
      name,
      line: parts.procedures[name]!,
      settings,
      paths: { lockFile: paths.lockFile },
      node: this.#nodeFacts(),
      logger: this.#logging.logger(name),
      onLog: (entry: LogEntry) => this.#logging.write(entry),
      resolveSecrets: (value, schema) =>
        this.#resolveSecrets(value, schema, ["procedures", name], environment),
      state: this.#state,
      openStorePort: (producer: Producer) => this.#store.openPort(producer),
      closeStorePort: (producer: Producer) => this.#store.closePort(producer),
      onUnstoppable: (stuck) => this.#restart(stuck),
      failuresBefore: this.#failuresBefore[name] ?? 0,
    });
  }

  #createBackend(entry: BackendEntry): BackendHost {
    const { parts, environment } = this.#options;
    const { name, provider, index } = entry;
    return new BackendHost({
      entry,
      line: parts.backends[provider]!,
      logger: this.#logging.logger(name),
      onLog: (logged: LogEntry) => this.#logging.write(logged),
      resolveSecrets: (value, schema) =>
        this.#resolveSecrets(value, schema, ["backends", index], environment),
      facts: () => this.#backendFacts(name),
      openStorePort: () => this.#store.openBackendPort(name),
      closeStorePort: () => this.#store.closeBackendPort(name),
      onConfiguration: (revision, config) => this.#remote.receive(revision, config),
      onCall: (method, params) => this.#calls.call(entry, method, params),
      onKeep: (value) => this.#keep(name, value),
      onUnstoppable: (stuck) => this.#restart(stuck),
    });
  }

  #keep(name: string, value: unknown): void {
    this.#logging.hide(textsIn(value));
    try {
      writeKept(this.#options.paths, name, value);
    } catch (error) {
      this.#logging.logger(name).exception("what the server has given out could not be kept", error);
    }
  }

  async #backendFacts(name: string): Promise<BackendFacts> {
    const { paths } = this.#options;
    const { config: { general }, file } = this.#loaded;
    const statistics = await this.#store.request({ kind: "statistics" }).catch(() => undefined);
    const kept = readKept(paths, name);
    this.#logging.hide(textsIn(kept));
    return {
      systemIdentifier: general.system_identifier,
      softwareVersion: version,
      configRevision: general.config_revision,
      configuredMs: modifiedMs(file) ?? this.#startedMs,
      target: Deno.build.target,
      agentStartedMs: this.#startedMs,
      bootedMs: Date.now() - Deno.osUptime() * 1000,
      storeId: statistics?.storeId ?? null,
      kept,
    };
  }

  #nodeFacts(): NodeFacts {
    const { paths } = this.#options;
    const { config } = this.#loaded;
    return {
      systemIdentifier: config.general.system_identifier,
      softwareVersion: version,
      lockFile: paths.lockFile,
      agentStartedMs: this.#startedMs,
    };
  }

  #resolveSecrets(
    value: unknown,
    schema: JsonSchema,
    path: (string | number)[],
    environment: Record<string, string>,
  ) {
    const resolved = resolveSecrets(value, schema, environment, path);
    this.#logging.hide(resolved.secrets);
    for (const name of resolved.environmentNames) Deno.env.delete(name);
    return resolved;
  }

  /**
   * Waits for workers' verdicts on their settings, and notes what they say of them; one that cannot even boot has none.
   *
   * @returns the faults.
   */
  async #collectFaults(procedures: ProcedureHost[], backends: BackendHost[]): Promise<string[]> {
    const faults: string[] = [];
    const note = async (
      host: ProcedureHost | BackendHost,
      schemas: Record<string, JsonSchema>,
      key: string,
    ) => {
      const check = await host.firstCheck;
      if (check.kind !== "checked") return;
      schemas[key] = check.schema;
      faults.push(...check.faults);
    };
    await Promise.all(backends.map((host) => note(host, this.#schemas.backends, host.provider)));
    await Promise.all(procedures.map((host) => note(host, this.#schemas.procedures, host.name)));
    return faults;
  }

  /** @throws {ConfigError} after everything has been taken down. */
  async #checkSettings(procedures: ProcedureHost[], backends: BackendHost[]): Promise<void> {
    const faults = await this.#collectFaults(procedures, backends);
    if (faults.length === 0) return;
    const { file } = this.#loaded;
    const subject = `Ivy does not start: ${file} is not a valid configuration`;
    this.#logging.logger("agent").error(subject, faults.join("\n"));
    await this.stop("the configuration is not valid", { hasty: true });
    throw new ConfigError(file, faults);
  }

  /** Tells the servers about a configuration, without its secrets; resolves when the message is safe. */
  async #reportConfig(status: ConfigStatus, config: unknown, reason?: string): Promise<void> {
    const shown = redactConfig(config, this.#schemas);
    const message = { variant: "config", status, config: shown } as const;
    await this.#sender.send(reason === undefined ? message : { ...message, reason });
  }

  /** Takes another configuration into use: restarts what it concerns, and only that. */
  async apply(next: LoadedConfig): Promise<void> {
    const changes = planChanges(this.#loaded.raw, next.raw);
    const before = this.#loaded;
    this.#loaded = next;
    for (const name of environmentReferences(next.raw)) Deno.env.delete(name);
    await this.#stopWorkers(changes);
    this.#store.setBackends(this.#backendNames(before.raw));
    if (changes.logging) this.#logging.setThresholds(this.#thresholds());
    if (changes.storage) await this.#replaceStore();
    await this.#startWorkers(changes);
    for (const backend of this.#backends) void backend.tellFacts();
  }

  /** The configuration in use stays: what waits for backends that it does not have is let go. */
  confirm(): void {
    this.#store.setBackends(this.#backendNames());
  }

  /** What can be seen of the workers while a new configuration proves itself. */
  readonly vitals: Vitals = {
    failures: (sinceMs) =>
      Object.fromEntries(this.#procedures.flatMap((host) => {
        const { lastError } = host.status();
        return lastError === null || lastError.timeMs < sinceMs ? [] : [[host.name, lastError.message]];
      })),
    health: () => ({
      procedures: this.#procedures.filter((host) => host.status().state === "running").map(({ name }) =>
        name
      ),
      backends: this.#backends.filter(({ connection }) => connection.isConnected).map(({ name }) => name),
    }),
  };

  async #stopWorkers({ procedures, backends }: Changes): Promise<void> {
    const [leaving, staying] = part(this.#procedures, procedures.stop);
    const [leavingBackends, stayingBackends] = part(this.#backends, backends.stop);
    this.#procedures = staying;
    this.#backends = stayingBackends;
    await Promise.all([
      ...leaving.map((host) => host.stop(this.#stopGraceMs)),
      ...leavingBackends.map((host) =>
        host.stop(backends.start.includes(host.name) ? RESTART_DRAIN_MS : Infinity)
      ),
    ]);
  }

  async #startWorkers({ procedures, backends }: Changes): Promise<void> {
    const { config, raw } = this.#loaded;
    const coming = Object.entries(config.procedures).filter(([name]) => procedures.start.includes(name))
      .map(([name, { enabled: _, ...settings }]) => this.#createProcedure(name, settings));
    const comingBackends = backendEntries(raw).filter(({ name }) => backends.start.includes(name))
      .map((entry) => this.#createBackend(entry));
    this.#procedures.push(...coming);
    this.#backends.push(...comingBackends);
    for (const host of [...coming, ...comingBackends]) {
      host.start();
      host.run();
    }
    await this.#collectFaults(coming, comingBackends);
  }

  async #replaceStore(): Promise<void> {
    await this.#store.stop(this.#stopGraceMs);
    this.#store = this.#createStore();
    await this.#store.start();
    this.#reconnectStore();
  }

  /** Names of the configured backends, and of those in another configuration. */
  #backendNames(other?: unknown): string[] {
    return [
      ...new Set([...backendEntries(this.#loaded.raw), ...backendEntries(other)].map(({ name }) => name)),
    ];
  }

  /** The configuration's, but for a console that was turned off when the agent was started. */
  #thresholds(): LoadedConfig["config"]["logging_verbosity"] {
    const { config, raw } = this.#options.loaded;
    const asked = (raw as typeof config).logging_verbosity.console_prints;
    const isSilent = asked !== null && config.logging_verbosity.console_prints === null;
    const { logging_verbosity: thresholds } = this.#loaded.config;
    return isSilent ? { ...thresholds, console_prints: null } : thresholds;
  }

  /** A full disk must not keep the node from measuring. */
  #keepConfig(): void {
    try {
      keepAsLastGood(this.#options.paths, this.#loaded);
    } catch (error) {
      this.#logging.logger("agent").exception("a copy of the configuration could not be kept", error);
    }
  }

  #reconnectStore(): void {
    this.#sender.attach(this.#store.openPort({ name: "agent", generation: 0 }));
    for (const worker of [...this.#procedures, ...this.#backends]) worker.reconnectStore();
  }

  #restart(culprit: string): void {
    if (this.#isStopping) return;
    const reason =
      `the thread of "${culprit}" cannot be stopped by this version of Deno; the agent restarts itself`;
    this.#logging.logger("agent").error(reason);
    this.#options.onRestartNeeded(reason, true);
  }

  #keepHouse(): void {
    const { paths } = this.#options;
    const cleanUp = () => {
      const { config } = this.#loaded;
      const removed = removeOldLogs(paths.logs, config.storage.log_retention_days, Date.now());
      if (removed.length > 0) this.#logging.logger("agent").info(`removed the logs of ${removed.join(", ")}`);
    };
    cleanUp();
    this.#houseKeeping = setInterval(cleanUp, DAY_MS);
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

/** Hosts that are named, and the others. */
function part<Host extends { name: string }>(
  hosts: Host[],
  names: string[],
): [named: Host[], others: Host[]] {
  return [
    hosts.filter(({ name }) => names.includes(name)),
    hosts.filter(({ name }) => !names.includes(name)),
  ];
}

/** Every text in a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
