// Runs in: main thread.
import { MAX_BACKENDS, MAX_PROCEDURES } from "../shared/config.ts";
import type { LogEntry, NodeFacts } from "../shared/protocol.ts";
import type { BackendRegistry, ProcedureRegistry } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { version } from "../shared/version.ts";
import { probeBackend } from "./backend_probe.ts";
import {
  type AnnouncedSettings,
  backendEntries,
  ConfigError,
  isShortToken,
  knownNames,
  type LoadedConfig,
  readConfig,
  SHORT_TOKEN,
} from "./configuration.ts";
import type { Paths } from "./paths.ts";
import { probeProcedure } from "./procedure_probe.ts";
import { resolvePageToken } from "./secret_values.ts";

export interface CheckOptions {
  procedures: ProcedureRegistry;
  backends: BackendRegistry;
  paths: Paths;
  environment: Record<string, string>;
  /** Whether a worker that does not even boot is a fault, though the agent runs without it; default true. */
  mustBoot?: boolean;
  /** What it leaves out because an earlier version did not know it is no fault; default false. */
  mayBeEarlier?: boolean;
}

/** A configuration that main and every worker that it concerns found right, and what they said of settings. */
export interface CheckedConfig extends LoadedConfig {
  schemas: AnnouncedSettings;
}

/**
 * Judges a whole configuration: main's part, then the settings of each backend and each enabled procedure in their own
 * sandboxes.
 *
 * @throws {ConfigError} with all faults.
 */
export async function checkConfig(file: string, options: CheckOptions): Promise<CheckedConfig> {
  const mainPart = readMainPart(file, options);
  const entries = enabledProcedures(mainPart.raw)
    .filter(([name]) => Object.hasOwn(options.procedures, name));
  const probes = await twoAtATime(atMost(MAX_PROCEDURES, entries), async ([name, settings]) => {
    return [name, await probe(name, settings, false, options)] as const;
  });
  const { backends, environment } = options;
  const backendsEntries = backendEntries(mainPart.raw)
    .filter(({ provider }) => Object.hasOwn(backends, provider));
  const backendProbes = await twoAtATime(atMost(MAX_BACKENDS, backendsEntries), async (entry) => {
    const { provider } = entry;
    return [
      provider,
      await probeBackend({ provider, line: backends[provider]!, entry, environment }),
    ] as const;
  });
  const { mustBoot = true } = options;
  const judged = [...backendProbes, ...probes].filter(([, { schema }]) => mustBoot || schema !== undefined);
  const faults = [
    ...mainPart.faults,
    ...judged.flatMap(([, { faults }]) => faults),
    ...(options.mayBeEarlier ? [] : newFaults(mainPart.loaded, environment)),
  ];
  if (faults.length > 0 || mainPart.loaded === undefined) throw new ConfigError(file, faults);
  return {
    ...mainPart.loaded,
    schemas: { procedures: schemasOf(probes), backends: schemasOf(backendProbes) },
  };
}

/** What a configuration must say that is written now, and not by an earlier version. */
function newFaults(loaded: LoadedConfig | undefined, environment: Record<string, string>): string[] {
  if (loaded === undefined) return [];
  const { config: { status_page: page }, warnings } = loaded;
  if (page === null || typeof page.token === "string") return warnings;
  const { token } = resolvePageToken(page, environment);
  return typeof token === "string" && isShortToken(page, token) ? [...warnings, SHORT_TOKEN] : warnings;
}

/** More than there may be are an error of main's part already, and not worth a thread each. */
function atMost<T>(limit: number, items: T[]): T[] {
  return items.length > limit ? [] : items;
}

/** Each is a thread: all at once would need more memory than running them, on a node that measures meanwhile. */
async function twoAtATime<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const workOff = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all([workOff(), workOff()]);
  return results;
}

/** Runs one procedure's self-test. @returns what is wrong, as sentences. */
export async function selfTestProcedure(
  name: string,
  config: LoadedConfig,
  options: CheckOptions,
): Promise<string[]> {
  const settings = Object.fromEntries(proceduresIn(config.raw))[name];
  return (await probe(name, settings ?? {}, true, options)).faults;
}

/** The settings of every procedure and backend that there is, as JSON Schema. */
export async function describeWorkers(options: CheckOptions): Promise<AnnouncedSettings> {
  const { procedures, backends, environment } = options;
  const [described, describedBackends] = await Promise.all([
    Promise.all(
      Object.keys(procedures).map(async (name) =>
        [name, await probe(name, undefined, false, options)] as const
      ),
    ),
    Promise.all(
      Object.entries(backends).map(async ([provider, line]) => {
        return [provider, await probeBackend({ provider, line, entry: undefined, environment })] as const;
      }),
    ),
  ]);
  return { procedures: schemasOf(described), backends: schemasOf(describedBackends) };
}

/** Main's own faults do not keep the procedures from being asked: all faults are shown at once. */
function readMainPart(file: string, options: CheckOptions) {
  try {
    const loaded = readConfig(file, knownNames(options));
    return { loaded, raw: loaded.raw, faults: [] };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.raw === undefined) throw error;
    return { loaded: undefined, raw: error.raw, faults: error.faults };
  }
}

function enabledProcedures(raw: unknown): [string, Record<string, unknown>][] {
  const { procedures } = (raw ?? {}) as { procedures?: Record<string, { enabled?: unknown } | null> | null };
  return proceduresIn(raw).filter(([name]) => procedures?.[name]?.enabled !== false);
}

function proceduresIn(raw: unknown): [string, Record<string, unknown>][] {
  const procedures = ((raw ?? {}) as { procedures?: Record<string, unknown> }).procedures ?? {};
  return Object.entries(procedures).flatMap(([name, entry]) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { enabled: _, ...settings } = entry as Record<string, unknown>;
    return [[name, settings]];
  });
}

function probe(
  name: string,
  settings: Record<string, unknown> | undefined,
  selfTest: boolean,
  options: CheckOptions,
) {
  const { paths, procedures, environment } = options;
  const node: NodeFacts = {
    systemIdentifier: "check",
    softwareVersion: version,
    agentStartedMs: Date.now(),
  };
  const onLog = (_entry: LogEntry) => {}; // a probe's own words are not wanted, only its verdict
  const line = procedures[name]!;
  return probeProcedure({ name, line, settings, selfTest, node, dataFolder: paths.data, environment, onLog });
}

function schemasOf(
  probes: (readonly [string, { schema: JsonSchema | undefined }])[],
): Record<string, JsonSchema> {
  return Object.fromEntries(
    probes.flatMap(([name, { schema }]) => schema === undefined ? [] : [[name, schema]]),
  );
}
