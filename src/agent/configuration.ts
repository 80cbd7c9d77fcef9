// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import { hasUserInfo, NO_USER_INFO } from "../shared/addresses.ts";
import {
  type Config,
  configJsonSchema,
  configSchema,
  isLoopback,
  MAX_BACKENDS,
  MIN_TOKEN_CHARACTERS,
} from "../shared/config.ts";
import { describeFaults, describeSome, faultsOf, formatPath } from "../shared/faults.ts";
import { DuplicateKeyError, parseJson } from "../shared/json.ts";
import { didYouMean } from "../shared/nearest.ts";
import { type JsonSchema, redact, shownText } from "../shared/secrets.ts";
import { version } from "../shared/version.ts";
import type { BackendEntry } from "./backend_host.ts";
import { CommandError, EXIT } from "./errors.ts";
import { readIfThere, replaceFile } from "./files.ts";
import type { Paths } from "./paths.ts";
import { mayConfigure } from "./updater/local_only.ts";
import { findPlaces } from "./updater/named_places.ts";

/** A configuration that main has judged; the procedures' settings are judged by their own workers. */
export interface LoadedConfig {
  config: Config;
  /** The JSON value as it stands in the file, secrets by reference. */
  raw: unknown;
  /** Where it was read. */
  file: string;
  /** Why another file than the configured one was used; undefined when it was not. */
  damage?: string;
  /**
   * What a new configuration must say and one of an earlier version could not: it runs as it did, loudly.
   */
  warnings: string[];
}

/** What there is to configure in this program. */
export interface KnownNames {
  procedures: string[];
  providers: string[];
}

/** What workers say of their settings: by procedure, and by provider of backends. */
export interface AnnouncedSettings {
  procedures: Record<string, JsonSchema>;
  backends: Record<string, JsonSchema>;
}

/** The names in a program's registries. */
export function knownNames(parts: { procedures: object; backends: object }): KnownNames {
  return { procedures: Object.keys(parts.procedures), providers: Object.keys(parts.backends) };
}

/** Ends a command with every fault of a configuration at once. */
export class ConfigError extends CommandError {
  override name = "ConfigError";
  readonly file: string;
  readonly faults: string[];
  /** The JSON value that has the faults; undefined when the file is not JSON. */
  readonly raw: unknown;
  constructor(file: string, faults: string[], raw?: unknown) {
    const list = faults.map((fault) => `\n  ${fault}`).join("");
    super(
      `${file} is not a valid configuration:${list}\nMend it, then check it with: ivy config validate`,
      EXIT.invalidConfiguration,
    );
    this.file = file;
    this.faults = faults;
    this.raw = raw;
  }
}

/**
 * Reads the node's configuration. A file that is missing, cut off or not JSON at all does not stop the node: the last
 * configuration that ran is used. One that a person can mend (a wrong value, a misspelt key) is an error.
 *
 * @throws {ConfigError}
 */
export function loadConfig(paths: Paths, known: KnownNames): LoadedConfig {
  try {
    return readConfig(paths.configFile, known);
  } catch (error) {
    if (!(error instanceof DamagedConfigError)) throw error;
    if (readIfThere(paths.lastGoodConfigFile) === undefined) throw error;
    return {
      ...readConfig(paths.lastGoodConfigFile, known),
      damage: `${paths.configFile}: ${error.faults[0]}`,
    };
  }
}

/** The file is not even JSON; the last configuration that ran may stand in for it. */
class DamagedConfigError extends ConfigError {}

/**
 * Reads and judges one configuration file.
 *
 * @throws {ConfigError} with all faults that main can see.
 */
export function readConfig(file: string, known: KnownNames): LoadedConfig {
  const raw = readRawConfig(file);
  const checked = configSchema.safeParse(raw);
  const faults = checked.success ? [] : describeFaults(faultsOf(checked.error), configJsonSchema(), raw);
  faults.push(...backendFaults(raw, known.providers), ...procedureFaults(raw, known.procedures));
  faults.push(...addressFaults(raw), ...versionFaults(raw));
  if (faults.length > 0 || !checked.success) throw new ConfigError(file, faults, raw);
  return { config: checked.data, raw, file, warnings: warningsOf(checked.data) };
}

/** Errors of a configuration that is written now. */
function warningsOf({ backends, status_page: page }: Config): string[] {
  const unsaid = backends.length < 2
    ? []
    : backends.flatMap(({ configures }, index) =>
      configures === undefined
        ? [
          `backends[${index}].configures: expected true or false, since there are several backends ` +
          "(may its server configure this node?); it counts as true",
        ]
        : []
    );
  const isShort = page !== null && typeof page.token === "string" && isShortToken(page, page.token);
  return isShort ? [...unsaid, SHORT_TOKEN] : unsaid;
}

/** What is wrong with a token that can be guessed, where others can try. */
export const SHORT_TOKEN =
  `status_page.token: expected at least ${MIN_TOKEN_CHARACTERS} characters, since others can reach the page; ` +
  "ivy page token makes one";

/** @param token The text itself. */
export function isShortToken({ host }: { host: string }, token: string): boolean {
  return !isLoopback(host) && token.length < MIN_TOKEN_CHARACTERS;
}

/** Credentials in an address would stand in logs and on the page. */
function addressFaults(raw: unknown): string[] {
  return describeSome(
    findPlaces(raw, (value) => typeof value === "string" && hasUserInfo(value)),
    ({ name, value }) => `${name}: ${NO_USER_INFO}, got ${JSON.stringify(shownText(String(value)))}`,
  );
}

/**
 * The JSON value of a configuration file, unjudged.
 *
 * @throws {ConfigError} when it is missing or not JSON.
 */
export function readRawConfig(file: string): unknown {
  try {
    const text = readIfThere(file);
    if (text === undefined) throw new Error("it is missing; ivy init makes one from the template");
    return parseJson(text);
  } catch (error) {
    const faults = [sentenceOf(error)];
    throw error instanceof DuplicateKeyError
      ? new ConfigError(file, faults)
      : new DamagedConfigError(file, faults);
  }
}

function backendFaults(raw: unknown, providers: string[]): string[] {
  const names = new Set<string>();
  return backendEntries(raw).slice(0, MAX_BACKENDS).flatMap(({ index, name, provider }) => {
    const isRepeated = names.size === names.add(name).size;
    return [
      ...(providers.includes(provider) ? [] : [
        `${formatPath(["backends", index, "provider"])}: expected one of ${
          providers.map((known) => JSON.stringify(known)).join(", ")
        }, got ${JSON.stringify(provider)}${didYouMean(provider, providers)}`,
      ]),
      ...(isRepeated
        ? [
          `${formatPath(["backends", index, "name"])}: expected a name that no other backend has, got ${
            JSON.stringify(name)
          }`,
        ]
        : []),
    ];
  });
}

/** The backends of a raw configuration, as far as they look like backends. */
export function backendEntries(raw: unknown): BackendEntry[] {
  const { backends } = (raw ?? {}) as { backends?: unknown };
  if (!Array.isArray(backends)) return [];
  return backends.flatMap((entry: unknown, index) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { name, provider, configures: _, ...settings } = entry as Record<string, unknown>;
    if (typeof provider !== "string") return [];
    const own = { index, provider, name: typeof name === "string" ? name : provider, settings };
    return [{ ...own, mayConfigure: mayConfigure(entry) }];
  });
}

function procedureFaults(raw: unknown, known: string[]): string[] {
  const procedures = (raw as { procedures?: unknown })?.procedures;
  if (typeof procedures !== "object" || procedures === null) return [];
  const unknown = Object.keys(procedures).filter((name) => !known.includes(name));
  return describeSome(
    unknown,
    (name) =>
      `${formatPath(["procedures", name])}: there is no such procedure${didYouMean(name, known)}; there are ${
        known.join(", ")
      }`,
  );
}

function versionFaults(raw: unknown): string[] {
  const found = (raw as { general?: { software_version?: unknown } })?.general?.software_version;
  if (found === version || typeof found !== "string") return [];
  return [
    `general.software_version: expected ${JSON.stringify(version)} (this program), got ${
      JSON.stringify(found)
    }`,
  ];
}

/** Keeps the configuration that runs now, in case the file is damaged one day. */
export function keepAsLastGood(paths: Paths, loaded: LoadedConfig): void {
  const text = `${JSON.stringify(loaded.raw, null, 2)}\n`;
  if (readIfThere(paths.lastGoodConfigFile) !== text) replaceFile(paths.lastGoodConfigFile, text, 0o600);
}

/** The JSON Schema of the whole file, with the settings that the workers announced. */
export function wholeSchema(settings: AnnouncedSettings): JsonSchema {
  const schema = configJsonSchema();
  const backend = schema.properties!["backends"]!.items!;
  schema.properties!["backends"]!.items = {
    oneOf: Object.entries(settings.backends).map(([provider, own]) => withProvider(own, provider, backend)),
  };
  const procedure = schema.properties!["procedures"]!.additionalProperties as JsonSchema;
  const entries = Object.entries(settings.procedures).map(([name, own]) => [
    name,
    withEnabled(own, procedure),
  ]);
  schema.properties!["procedures"] = {
    type: "object",
    properties: Object.fromEntries(entries),
    additionalProperties: false,
  };
  return schema;
}

function withEnabled({ $schema: _, ...own }: JsonSchema, main: JsonSchema): JsonSchema {
  return {
    ...own,
    properties: { ...main.properties, ...own.properties },
    required: ["enabled", ...(own.required ?? [])],
  };
}

function withProvider({ $schema: _, ...own }: JsonSchema, provider: string, main: JsonSchema): JsonSchema {
  return {
    ...own,
    properties: { ...main.properties, provider: { const: provider }, ...own.properties },
    required: ["provider", ...(own.required ?? [])],
  };
}

/**
 * The configuration without its secrets, for eyes and servers.
 *
 * @param settings What the workers announced; of one that did not, all settings count as secret.
 */
export function redactConfig(raw: unknown, settings: AnnouncedSettings): unknown {
  const { backends, ...others } = raw as { backends?: unknown };
  const redacted = redact(others, schemaForRedaction(settings)) as object;
  if (!Array.isArray(backends)) return redacted;
  const unknownBackend = {
    properties: { name: {}, provider: {}, configures: {} },
    additionalProperties: { secret: true },
  };
  const schemaOf = (provider: unknown) =>
    typeof provider === "string" && Object.hasOwn(settings.backends, provider)
      ? settings.backends[provider]
      : unknownBackend;
  const shown = backends.map((entry) => redact(entry, schemaOf(entry?.provider)));
  return { ...redacted, backends: shown };
}

function schemaForRedaction(settings: AnnouncedSettings): JsonSchema {
  const schema = wholeSchema(settings);
  schema.properties!["procedures"]!.additionalProperties = {
    properties: { enabled: { type: "boolean" } },
    additionalProperties: { secret: true },
  };
  return schema;
}
