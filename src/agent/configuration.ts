// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import { type Config, configJsonSchema, configSchema } from "../shared/config.ts";
import { describeFaults, faultsOf, formatPath } from "../shared/faults.ts";
import { DuplicateKeyError, parseJson } from "../shared/json.ts";
import { didYouMean } from "../shared/nearest.ts";
import { type JsonSchema, redact } from "../shared/secrets.ts";
import { version } from "../shared/version.ts";
import { CommandError, EXIT } from "./errors.ts";
import { readIfThere, replaceFile } from "./files.ts";
import type { Paths } from "./paths.ts";

/** A configuration that main has judged; the procedures' settings are judged by their own workers. */
export interface LoadedConfig {
  config: Config;
  /** The JSON value as it stands in the file, secrets by reference. */
  raw: unknown;
  /** Where it was read. */
  file: string;
  /** Why another file than the configured one was used; undefined when it was not. */
  damage?: string;
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
export function loadConfig(paths: Paths, procedureNames: string[]): LoadedConfig {
  try {
    return readConfig(paths.configFile, procedureNames);
  } catch (error) {
    if (!(error instanceof DamagedConfigError)) throw error;
    if (readIfThere(paths.lastGoodConfigFile) === undefined) throw error;
    return {
      ...readConfig(paths.lastGoodConfigFile, procedureNames),
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
export function readConfig(file: string, procedureNames: string[]): LoadedConfig {
  const raw = readRawConfig(file);
  const checked = configSchema.safeParse(raw);
  const faults = checked.success ? [] : describeFaults(faultsOf(checked.error), configJsonSchema(), raw);
  faults.push(...procedureFaults(raw, procedureNames), ...versionFaults(raw));
  if (faults.length > 0 || !checked.success) throw new ConfigError(file, faults, raw);
  return { config: checked.data, raw, file };
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

function procedureFaults(raw: unknown, known: string[]): string[] {
  const procedures = (raw as { procedures?: unknown })?.procedures;
  if (typeof procedures !== "object" || procedures === null) return [];
  return Object.keys(procedures).filter((name) => !known.includes(name)).map((name) =>
    `${formatPath(["procedures", name])}: there is no such procedure${didYouMean(name, known)}; there are ${
      known.join(", ")
    }`
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

/** The JSON Schema of the whole file, with the settings that the procedures announced. */
export function wholeSchema(settings: Record<string, JsonSchema>): JsonSchema {
  const schema = configJsonSchema();
  const entries = Object.entries(settings).map(([name, own]) => [name, withEnabled(own)]);
  schema.properties!["procedures"] = {
    type: "object",
    properties: Object.fromEntries(entries),
    additionalProperties: false,
  };
  return schema;
}

function withEnabled({ $schema: _, ...own }: JsonSchema): JsonSchema {
  return {
    ...own,
    properties: { enabled: { type: "boolean" }, ...own.properties },
    required: ["enabled", ...(own.required ?? [])],
  };
}

/**
 * The configuration without its secrets, for eyes and servers.
 *
 * @param settings What the procedures announced; of one that did not, all settings count as secret.
 */
export function redactConfig(raw: unknown, settings: Record<string, JsonSchema>): unknown {
  const schema = wholeSchema(settings);
  schema.properties!["procedures"]!.additionalProperties = {
    properties: { enabled: { type: "boolean" } },
    additionalProperties: { secret: true },
  };
  return redact(raw, schema);
}
