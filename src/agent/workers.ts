// Runs in: main thread.
import type { PortSender } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import type { BackendHost } from "./backend_host.ts";
import { type AnnouncedSettings, backendEntries, type LoadedConfig } from "./configuration.ts";
import type { ProcedureHost } from "./procedure_host.ts";
import type { StoreHost } from "./store_host.ts";
import type { Vitals } from "./updater/health.ts";
import type { Changes } from "./updater/plan_changes.ts";
import type { WorkerMaker } from "./worker_maker.ts";

/** How long a backend that starts again at once may send what waits, in milliseconds: the rest goes over afterwards. */
const RESTART_DRAIN_MS = 3000;

export interface WorkersOptions {
  maker: WorkerMaker;
  loaded: LoadedConfig;
  /** The configuration that could be gone back to, whose backends keep what waits for them. */
  previous: unknown;
  /** How long procedures and the store may take to end, in milliseconds. */
  graceMs: number;
  /** There is a new store, or it has been restarted. */
  onStore: () => void;
}

/** The store, the procedures and the backends of a running agent. */
export class Workers {
  store: StoreHost;
  procedures: ProcedureHost[];
  backends: BackendHost[];
  /** What the workers have said of their settings. */
  readonly schemas: AnnouncedSettings = { procedures: {}, backends: {} };
  #options: WorkersOptions;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const { loaded, previous } = options;
    this.store = this.#makeStore(backendNames(loaded.raw, previous));
    this.procedures = this.#makeProcedures(loaded, () => true);
    this.backends = this.#makeBackends(loaded, () => true);
  }

  /** What can be seen of the workers while a new configuration or version proves itself. */
  readonly vitals: Omit<Vitals, "fault"> = {
    failures: (sinceMs) =>
      Object.fromEntries(this.procedures.flatMap((host) => {
        const { lastError } = host.status();
        return lastError === null || lastError.timeMs < sinceMs ? [] : [[host.name, lastError.message]];
      })),
    health: () => ({
      procedures: this.procedures.filter((host) => host.status().state === "running").map(({ name }) => name),
      backends: this.backends.filter(({ connection }) => connection.isConnected).map(({ name }) => name),
    }),
  };

  /** How often in a row each procedure has failed, for the process that takes over. */
  get failures(): Record<string, number> {
    return Object.fromEntries(this.procedures.map(({ name, failures }) => [name, failures]));
  }

  /** Resolves when every procedure has been started once. */
  async attempted(): Promise<void> {
    await Promise.all(this.procedures.map(({ attempted }) => attempted));
  }

  /**
   * Starts the store, then boots the others; they run after {@link run}.
   *
   * @returns the faults that they find in their settings.
   */
  async start(): Promise<string[]> {
    await this.store.start();
    this.#options.onStore();
    for (const worker of [...this.procedures, ...this.backends]) worker.start();
    return await this.#collectFaults(this.procedures, this.backends);
  }

  run(): void {
    for (const worker of [...this.backends, ...this.procedures]) worker.run();
  }

  /** Takes another configuration into use: restarts what it concerns, and only that. */
  async apply(next: LoadedConfig, changes: Changes, previous: unknown): Promise<void> {
    await this.#stopSome(changes);
    this.keepFor(next, previous);
    if (changes.storage) await this.#replaceStore(next, previous);
    await this.#startSome(next, changes);
    for (const backend of this.backends) void backend.tellFacts();
  }

  /** Messages are kept for the backends of this configuration, and of another one that could be gone back to. */
  keepFor({ raw }: LoadedConfig, previous?: unknown): void {
    this.store.setBackends(backendNames(raw, previous));
  }

  /** Gives everybody a door to the store, which has been restarted. */
  reconnectStore(): void {
    this.#options.onStore();
    for (const worker of [...this.procedures, ...this.backends]) worker.reconnectStore();
  }

  async #stopSome({ procedures, backends }: Changes): Promise<void> {
    const [leaving, staying] = part(this.procedures, procedures.stop);
    const [leavingBackends, stayingBackends] = part(this.backends, backends.stop);
    this.procedures = staying;
    this.backends = stayingBackends;
    await Promise.all([
      ...leaving.map((host) => host.stop(this.#options.graceMs)),
      ...leavingBackends.map((host) =>
        host.stop(backends.start.includes(host.name) ? RESTART_DRAIN_MS : Infinity)
      ),
    ]);
  }

  async #startSome(next: LoadedConfig, { procedures, backends }: Changes): Promise<void> {
    const coming = this.#makeProcedures(next, (name) => procedures.start.includes(name));
    const comingBackends = this.#makeBackends(next, (name) => backends.start.includes(name));
    this.procedures.push(...coming);
    this.backends.push(...comingBackends);
    for (const host of [...coming, ...comingBackends]) {
      host.start();
      host.run();
    }
    await this.#collectFaults(coming, comingBackends);
  }

  async #replaceStore(next: LoadedConfig, previous: unknown): Promise<void> {
    await this.store.stop(this.#options.graceMs);
    this.store = this.#makeStore(backendNames(next.raw, previous));
    await this.store.start();
    this.reconnectStore();
  }

  #makeStore(backends: string[]): StoreHost {
    return this.#options.maker.store(backends, {
      onRestarted: () => this.reconnectStore(),
      onInvalidMessage: (sender, reason) => this.#endSender(sender, reason),
    });
  }

  /** Main's own messages are made by the code that the store runs, too: nobody is ended for them. */
  #endSender({ kind, name, generation }: PortSender, reason: string): void {
    const hosts = kind === "producer" ? this.procedures : this.backends;
    hosts.find((host) => host.name === name)?.endInvalid(generation, reason);
  }

  #makeProcedures({ config }: LoadedConfig, isWanted: (name: string) => boolean): ProcedureHost[] {
    return Object.entries(config.procedures)
      .filter(([name, { enabled }]) => enabled && isWanted(name))
      .map(([name, { enabled: _, ...settings }]) =>
        this.#options.maker.procedure(name, settings, () => this.store)
      );
  }

  #makeBackends({ raw }: LoadedConfig, isWanted: (name: string) => boolean): BackendHost[] {
    return backendEntries(raw).filter(({ name }) => isWanted(name))
      .map((entry) => this.#options.maker.backend(entry, () => this.store));
  }

  /** Waits for workers' verdicts on their settings; one that cannot even boot has none. */
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
    await Promise.all(backends.map((host) => note(host, this.schemas.backends, host.provider)));
    await Promise.all(procedures.map((host) => note(host, this.schemas.procedures, host.name)));
    return faults;
  }
}

/** Names of the backends of configurations. */
function backendNames(...raws: unknown[]): string[] {
  return [...new Set(raws.flatMap((raw) => backendEntries(raw)).map(({ name }) => name))];
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
