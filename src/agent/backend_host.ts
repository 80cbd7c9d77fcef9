// Runs in: main thread.
import { type ErrorReport, reportError } from "../shared/errors.ts";
import { describeFaults, type Fault } from "../shared/faults.ts";
import type { Logger } from "../shared/logger.ts";
import type {
  BackendFacts,
  BackendToMain,
  LogEntry,
  MainToBackend,
  PackageOffer,
  PackageReport,
  UnusableOffer,
} from "../shared/protocol.ts";
import type { BackendLine, WorkerPermissions } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { type Addresses, hasNew, namesIn, type ResolveName, withAddresses } from "./addresses.ts";
import { AddressWatch } from "./address_watch.ts";
import { explainDenied } from "./denied.ts";
import type { FirstCheck } from "./procedure_host.ts";
import { Supervisor, type WorkerStatus } from "./supervisor.ts";
import type { WorkerLife } from "./worker_life.ts";
import { decodeFromBackend } from "./workers/decoders.ts";
import { BOOT_LIMIT_MS } from "./boot_limit.ts";

const DEFAULT_DRAIN_SECONDS = 10;
/** What ending costs besides draining: acknowledgements to the store, a goodbye to the server; in milliseconds. */
const ENDING_MS = 5000;
/** How long a worker without a connection may take to end when its server's addresses have changed, in milliseconds. */
const RENEWAL_GRACE_MS = 3000;

/** A backend's entry of the configuration, as far as main judges it. */
export interface BackendEntry {
  name: string;
  provider: string;
  /** The raw entry without `name`, `provider` and `configures`. */
  settings: Record<string, unknown>;
  /** Its place in the list, for messages about faults. */
  index: number;
  /** Whether its server may configure this node. */
  mayConfigure: boolean;
}

export interface BackendHostOptions {
  entry: BackendEntry;
  line: BackendLine;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** Puts secrets and files in place of references to them; its faults are sentences. */
  resolveSecrets: (settings: unknown, schema: JsonSchema) => { value: unknown; faults: string[] };
  /** What it may know of the node, at the moment when it starts. */
  facts: () => Promise<BackendFacts>;
  /** Opens a port to the store for one worker. */
  openStorePort: (generation: number) => MessagePort;
  closeStorePort: (generation: number) => void;
  /** A configuration has come; it is not judged yet. `excess`: why it is too much to be looked at. */
  onConfiguration: (revision: number, config: unknown, excess?: string) => void;
  /** Does what the server asks. @throws with a sentence for the server. */
  onCall: (method: string, params: unknown) => Promise<unknown>;
  /** Keeps a value for {@link BackendFacts.kept}. */
  onKeep: (value: unknown) => void;
  /** Versions of this program that its server offers, and what this must still be told of them. */
  packages: PackageDesk;
  onUnstoppable: (name: string) => void;
  /** Default: as the system does. */
  resolveName?: ResolveName;
}

/** Whether a backend has its server. */
export interface ConnectionStatus {
  isConnected: boolean;
  /** What it is connected to, or why it is not. */
  detail: string;
  /** Since when it has it, or has not had it; a further attempt that fails changes nothing. */
  sinceMs: number;
  /** What its server does not take now, and why, and since when something is held back; null = nothing is. */
  held: { detail: string; sinceMs: number } | null;
}

/** What a backend's host needs to know of packages. */
export interface PackageDesk {
  offered(offer: PackageOffer | UnusableOffer | null): void;
  /** Reports that the server has not got yet, oldest first. */
  untold(): PackageReport[];
  told(reportId: number): void;
}

type Life = WorkerLife<MainToBackend, BackendToMain>;

/** Runs one backend under supervision: describes it, hands it its settings, opens its door to the store. */
export class BackendHost {
  readonly name: string;
  readonly provider: string;
  readonly firstCheck: Promise<FirstCheck>;
  #options: BackendHostOptions;
  #supervisor: Supervisor<MainToBackend, BackendToMain>;
  #schema: JsonSchema = {};
  #secretFaults: string[] = [];
  #resolveFirstCheck!: (check: FirstCheck) => void;
  /** Set once the agent has decided to run: until then a checked worker waits. */
  #mayRun = false;
  #isReady = false;
  #runningLife: Life | undefined;
  #connection: ConnectionStatus = {
    isConnected: false,
    detail: "not started",
    sinceMs: Date.now(),
    held: null,
  };
  #announceTimer: ReturnType<typeof setTimeout> | undefined;
  #addressWatch: AddressWatch;
  /** Those that the running worker may reach. */
  #granted: Addresses = {};
  #isStopped = false;
  /** Servers repeat themselves: one line is enough. */
  #ignoredRevision: number | undefined;

  constructor(options: BackendHostOptions) {
    this.name = options.entry.name;
    this.provider = options.entry.provider;
    this.#options = options;
    this.firstCheck = new Promise((resolve) => this.#resolveFirstCheck = resolve);
    this.#supervisor = new Supervisor<MainToBackend, BackendToMain>({
      name: this.name,
      module: options.line.module,
      permissions: () => this.#grant(),
      logger: options.logger,
      onLog: options.onLog,
      decode: decodeFromBackend,
      onStart: (life) => this.#start(life),
      onMessage: (life, message) => this.#receive(life, message),
      onEnd: (life) => this.#end(life),
      onUnstoppable: options.onUnstoppable,
      explain: (error) => this.#explain(error),
    });
    this.#addressWatch = new AddressWatch({
      names: namesIn(permissionsOf(options.line, options.entry)),
      onFound: (addresses) => this.#found(addresses),
      ...(options.resolveName === undefined ? {} : { resolve: options.resolveName }),
    });
  }

  get connection(): ConnectionStatus {
    return this.#connection;
  }

  /** Boots the worker and checks its settings; it runs after {@link run}. */
  start(): void {
    this.#isStopped = false;
    void this.#addressWatch.start().then(() => {
      if (!this.#isStopped) this.#supervisor.start();
    });
  }

  /** Lets the backend connect, now and after each restart. */
  run(): void {
    this.#mayRun = true;
    if (this.#isReady && this.#supervisor.life !== undefined) this.#run(this.#supervisor.life);
  }

  /** Lets it send what waits, for as long as its settings allow (and not longer than `limitMs`), and ends it. */
  async stop(limitMs = Infinity): Promise<void> {
    const asked = Number(this.#options.entry.settings["max_drain_seconds"] ?? DEFAULT_DRAIN_SECONDS);
    const graceMs = Math.min(limitMs, asked * 1000 + ENDING_MS);
    this.#isStopped = true;
    this.#addressWatch.stop();
    this.#resolveFirstCheck({ kind: "failed", reason: "it was stopped before it was started" });
    await this.#supervisor.stop({ type: "teardown" }, graceMs);
    this.#connected(false, "stopped");
  }

  /** Gives the worker a door to a store that was restarted. */
  reconnectStore(): void {
    const life = this.#supervisor.life;
    if (life === undefined || life !== this.#runningLife) return;
    const storePort = this.#options.openStorePort(life.generation);
    life.send({ type: "store_port", storePort }, [storePort]);
  }

  /** Tells the worker that facts about the node have changed. */
  async tellFacts(): Promise<void> {
    const life = this.#runningLife;
    if (life === undefined) return;
    try {
      life.send({ type: "facts", facts: await this.#options.facts() });
    } catch (error) {
      this.#options.logger.exception("it could not be told what has changed", error);
    }
  }

  /** Has the server's package brought to the other end of a port. @returns false when there is nobody to bring it. */
  bringPackage(port: MessagePort): boolean {
    this.#runningLife?.send({ type: "package_port", port }, [port]);
    return this.#runningLife !== undefined;
  }

  tellReport(report: PackageReport): void {
    this.#runningLife?.send({ type: "package_report", report });
  }

  /** The worker has sent the store what was not agreed on. */
  endInvalid(generation: number, reason: string): void {
    const life = this.#runningLife;
    if (life?.generation === generation) {
      life.end({ kind: "invalid_message", reason: `to the store: ${reason}` });
    }
  }

  status(): WorkerStatus {
    return this.#supervisor.status();
  }

  #grant(): WorkerPermissions {
    const { line, entry } = this.#options;
    this.#granted = this.#addressWatch.addresses;
    return withAddresses(permissionsOf(line, entry), this.#granted);
  }

  /** A server that has moved is reached by a worker that may go there. One that has its server is left in peace. */
  #found(addresses: Addresses): void {
    const isServed = this.#connection.isConnected || this.#supervisor.life === undefined;
    if (isServed || !hasNew(addresses, this.#granted)) return;
    const all = Object.entries(addresses).map(([name, own]) => `${name} is at ${own.join(", ")}`).join("; ");
    this.#options.logger.info(
      `its server has other addresses: ${all}. It starts anew, so that it may go there`,
    );
    void this.#supervisor.renew({ type: "teardown" }, RENEWAL_GRACE_MS);
  }

  #start(life: Life): void {
    this.#isReady = false;
    this.#announceTimer = setTimeout(() => {
      const message = `its file did not announce a backend within ${BOOT_LIMIT_MS / 1000} s`;
      life.end({ kind: "crashed", error: { name: "Error", message, stack: "" } });
    }, BOOT_LIMIT_MS);
  }

  #receive(life: Life, message: BackendToMain): void {
    switch (message.type) {
      case "announce":
        return this.#announced(life, message.settingsSchema);
      case "checked":
        return this.#checked(life, message.faults);
      case "started":
        return this.#supervisor.markRunning();
      case "connection":
        if (!message.isConnected) this.#addressWatch.again();
        return this.#connected(message.isConnected, message.detail, message.held);
      case "configuration":
        return this.#configured(message);
      case "call":
        return void this.#call(life, message);
      case "keep":
        return this.#options.onKeep(message.value);
      case "package":
        return this.#options.packages.offered(message.offer);
      case "package_report_told":
        return this.#options.packages.told(message.reportId);
      case "torn_down":
        return life.end({ kind: "torn_down" });
      case "beat":
      case "log":
      case "failed":
        return; // the supervisor's
      default:
        message satisfies never;
    }
  }

  #announced(life: Life, settingsSchema: JsonSchema): void {
    clearTimeout(this.#announceTimer);
    this.#schema = settingsSchema;
    const resolved = this.#options.resolveSecrets(this.#options.entry.settings, settingsSchema);
    this.#secretFaults = resolved.faults;
    life.send({ type: "check", settings: resolved.value, beatIntervalMs: this.#supervisor.beatIntervalMs });
  }

  #checked(life: Life, found: Fault[]): void {
    const { settings, index } = this.#options.entry;
    const described = describeFaults(found, this.#schema, settings, ["backends", index]);
    const faults = [...new Set([...this.#secretFaults, ...described])];
    this.#isReady = faults.length === 0;
    this.#resolveFirstCheck({ kind: "checked", faults, schema: this.#schema });
    if (this.#isReady && this.#mayRun) this.#run(life);
  }

  #run(life: Life): void {
    this.#sendToWork(life).catch((error) => life.end({ kind: "crashed", error: reportError(error) }));
  }

  async #sendToWork(life: Life): Promise<void> {
    this.#runningLife = life;
    const facts = await this.#options.facts();
    if (this.#supervisor.life !== life) return;
    const storePort = this.#options.openStorePort(life.generation);
    const addresses = this.#granted;
    life.send({ type: "run", name: this.name, facts, addresses, storePort }, [storePort]);
    for (const report of this.#options.packages.untold()) life.send({ type: "package_report", report });
  }

  #configured({ revision, config, excess }: BackendToMain & { type: "configuration" }): void {
    if (this.#options.entry.mayConfigure) return this.#options.onConfiguration(revision, config, excess);
    if (revision === this.#ignoredRevision) return;
    this.#ignoredRevision = revision;
    this.#options.logger.warning(
      `ignored configuration ${revision}: this backend's server may not configure this node ("configures")`,
    );
  }

  async #call(life: Life, { callId, method, params }: BackendToMain & { type: "call" }): Promise<void> {
    try {
      const result = await this.#options.onCall(method, params);
      life.send({ type: "call_answer", callId, result });
    } catch (error) {
      life.send({ type: "call_answer", callId, error: (error as Error).message });
    }
  }

  #connected(isConnected: boolean, detail: string, held: string | null = null): void {
    const { isConnected: was, sinceMs, held: before } = this.#connection;
    this.#connection = {
      isConnected,
      detail,
      sinceMs: isConnected === was ? sinceMs : Date.now(),
      held: held === null ? null : { detail: held, sinceMs: before?.sinceMs ?? Date.now() },
    };
  }

  #end(life: Life): void {
    clearTimeout(this.#announceTimer);
    this.#resolveFirstCheck({
      kind: "failed",
      reason: "its worker ended before it could check its settings",
    });
    if (life === this.#runningLife) this.#runningLife = undefined;
    this.#connected(false, "its worker has ended");
    this.#options.closeStorePort(life.generation);
  }

  #explain(error: ErrorReport): string {
    return explainDenied(error, { name: this.name, file: "src/backends/registry.ts" });
  }
}

/** Settings of the wrong shape grant nothing: the worker itself will say what is wrong with them. */
export function permissionsOf(line: BackendLine, { settings }: BackendEntry): WorkerPermissions {
  try {
    return line.permissions(settings);
  } catch {
    return {};
  }
}
