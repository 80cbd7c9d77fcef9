// Runs in: main thread.
import type { BackendFacts, NodeFacts, StoredMessage } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { version } from "../shared/version.ts";
import { type BackendEntry, BackendHost, type BackendHostOptions } from "./backend_host.ts";
import type { LoadedConfig } from "./configuration.ts";
import { DeviceDoor } from "./device_door.ts";
import { modifiedMs } from "./files.ts";
import { readKept, writeKept } from "./kept_values.ts";
import type { Logging } from "./logging.ts";
import type { Parts } from "./parts.ts";
import type { Paths } from "./paths.ts";
import { ProcedureHost } from "./procedure_host.ts";
import { resolveSecrets } from "./secret_values.ts";
import type { StateAuthority } from "./state_authority.ts";
import { type Points, StoreHost, type StoreHostOptions } from "./store_host.ts";
import type { Packages } from "./updater/packages.ts";

export interface WorkerMakerOptions {
  parts: Parts;
  paths: Paths;
  /** The environment as it was when the process started. */
  environment: Record<string, string>;
  /** The configuration in use. */
  loaded: () => LoadedConfig;
  logging: Logging;
  state: StateAuthority;
  /** Unix milliseconds. */
  agentStartedMs: number;
  /** How often in a row each procedure had failed when the process before this one ended. */
  failuresBefore: Record<string, number>;
  /** Shows every message as it is stored; undefined = do not. */
  onStored: ((messages: StoredMessage[]) => void) | undefined;
  /** Told of the newest numbers while they are watched. */
  onPoints: (points: Points) => void;
  /** A configuration has come from a server; it is not judged yet. */
  onConfiguration: BackendHostOptions["onConfiguration"];
  /** Does what a server asks. @throws with a sentence for the server. */
  onCall: (entry: BackendEntry, method: string, params: unknown) => Promise<unknown>;
  /** Versions of this program that servers offer. */
  packages: Packages;
  /** The thread of this worker cannot be stopped. */
  onUnstoppable: (name: string) => void;
}

/** Makes the hosts of workers, and hands each what it needs and may know. */
export class WorkerMaker {
  #options: WorkerMakerOptions;
  #runId = crypto.randomUUID();
  #devices = new Map<string, DeviceDoor>();

  constructor(options: WorkerMakerOptions) {
    this.#options = options;
  }

  /** @param backends names of all backends that messages are kept for */
  store(
    backends: string[],
    { onRestarted, onInvalidMessage }: Pick<StoreHostOptions, "onRestarted" | "onInvalidMessage">,
  ): StoreHost {
    const { parts, paths, logging, loaded, onStored, onPoints, onUnstoppable } = this.#options;
    return new StoreHost({
      module: parts.storeModule,
      checkerModule: parts.checkerModule,
      backends,
      directory: paths.data,
      runId: this.#runId,
      settings: loaded().config.storage,
      logger: logging.logger("store"),
      onLog: (entry) => logging.write(entry),
      onStored,
      onPoints,
      onRestarted,
      onInvalidMessage,
      onUnstoppable,
      ...(parts.storeWatchdogMs === undefined ? {} : { watchdogMs: parts.storeWatchdogMs }),
    });
  }

  procedure(name: string, settings: Record<string, unknown>, store: () => StoreHost): ProcedureHost {
    const { parts, paths, logging, state, failuresBefore, onUnstoppable } = this.#options;
    return new ProcedureHost({
      name,
      line: parts.procedures[name]!,
      settings,
      dataFolder: paths.data,
      node: this.#nodeFacts(),
      logger: logging.logger(name),
      onLog: (entry) => logging.write(entry),
      resolveSecrets: (value, schema) => this.#resolveSecrets(value, schema, ["procedures", name]),
      state,
      devices: this.#devicesOf(name),
      openStorePort: (producer) => store().openPort(producer),
      closeStorePort: (producer) => store().closePort(producer),
      onUnstoppable,
      failuresBefore: failuresBefore[name] ?? 0,
    });
  }

  backend(entry: BackendEntry, store: () => StoreHost): BackendHost {
    const { parts, logging, packages, onConfiguration, onCall, onUnstoppable } = this.#options;
    const { name, provider, index } = entry;
    return new BackendHost({
      entry,
      line: parts.backends[provider]!,
      logger: logging.logger(name),
      onLog: (logged) => logging.write(logged),
      resolveSecrets: (value, schema) => this.#resolveSecrets(value, schema, ["backends", index]),
      facts: () => this.#backendFacts(name, store()),
      openStorePort: (generation) => store().openBackendPort(name, generation),
      closeStorePort: (generation) => store().closeBackendPort(name, generation),
      onConfiguration,
      onCall: (method, params) => onCall(entry, method, params),
      onKeep: (value) => this.#keep(name, value),
      packages: packages.desk(name),
      onUnstoppable,
      ...(parts.resolveName === undefined ? {} : { resolveName: parts.resolveName }),
    });
  }

  #keep(name: string, value: unknown): void {
    const { logging, paths } = this.#options;
    logging.hide(textsIn(value));
    try {
      writeKept(paths, name, value);
    } catch (error) {
      logging.logger(name).exception("what the server has given out could not be kept", error);
    }
  }

  async #backendFacts(name: string, store: StoreHost): Promise<BackendFacts> {
    const { paths, logging, loaded, agentStartedMs, packages } = this.#options;
    const { config: { general }, file } = loaded();
    const statistics = await store.request({ kind: "statistics" }).catch(() => undefined);
    const kept = readKept(paths, name);
    logging.hide(textsIn(kept));
    return {
      systemIdentifier: general.system_identifier,
      softwareVersion: version,
      configRevision: general.config_revision,
      configuredMs: modifiedMs(file) ?? agentStartedMs,
      target: Deno.build.target,
      agentStartedMs,
      bootedMs: Date.now() - Deno.osUptime() * 1000,
      storeId: statistics?.storeId ?? null,
      kept,
      packageTitle: packages.title,
    };
  }

  /** One for all lives of a procedure: what a device holds up stays held up when the procedure is replaced. */
  #devicesOf(procedure: string): DeviceDoor {
    const known = this.#devices.get(procedure);
    if (known !== undefined) return known;
    const door = new DeviceDoor({ procedure, grants: this.#options.parts.procedures[procedure]!.devices });
    this.#devices.set(procedure, door);
    return door;
  }

  #nodeFacts(): NodeFacts {
    const { loaded, agentStartedMs } = this.#options;
    return {
      systemIdentifier: loaded().config.general.system_identifier,
      softwareVersion: version,
      agentStartedMs,
    };
  }

  #resolveSecrets(value: unknown, schema: JsonSchema, path: (string | number)[]) {
    const { logging, environment } = this.#options;
    const resolved = resolveSecrets(value, schema, environment, path);
    logging.hide(resolved.secrets);
    for (const name of resolved.environmentNames) Deno.env.delete(name);
    return resolved;
  }
}

/** Every text in a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
