// Runs in: main thread.
import type { StatusPageSettings } from "../shared/config.ts";
import { formatPath } from "../shared/faults.ts";
import { isFetched, isSecret, type JsonSchema, schemaOfKey } from "../shared/secrets.ts";

/** A value with its secrets fetched from where the configuration says, and what they are. */
export interface ResolvedSecrets {
  value: unknown;
  secrets: string[];
  /** Names of environment variables that were read: to be removed before any other program or worker sees them. */
  environmentNames: string[];
  faults: string[];
}

/**
 * Puts the texts in place of `{"env": NAME}` and `{"file": PATH}` wherever the schema has a secret or a text that may
 * stand in a file.
 *
 * @param environment As it was when the process started.
 */
export function resolveSecrets(
  value: unknown,
  schema: JsonSchema,
  environment: Record<string, string>,
  prefix: (string | number)[] = [],
): ResolvedSecrets {
  const found: ResolvedSecrets = { value, secrets: [], environmentNames: [], faults: [] };
  const walk = (at: unknown, own: JsonSchema | undefined, path: (string | number)[]): unknown => {
    if (isSecret(own)) return fetchText(at, environment, path, found, true);
    if (isFetched(own)) return fetchText(at, environment, path, found, false);
    if (Array.isArray(at)) {
      return at.map((item, index) => walk(item, schemaOfKey(own, index), [...path, index]));
    }
    if (typeof at !== "object" || at === null) return at;
    return Object.fromEntries(
      Object.entries(at).map(([key, item]) => [key, walk(item, schemaOfKey(own, key), [...path, key])]),
    );
  };
  found.value = walk(value, schema, prefix);
  return found;
}

/** The token of the status page, fetched from where the configuration says. */
export function resolvePageToken(
  settings: StatusPageSettings,
  environment: Record<string, string>,
): { token: string | null; secrets: string[]; faults: string[] } {
  const schema: JsonSchema = { properties: { token: { secret: true } } };
  const { value, secrets, faults } = resolveSecrets(settings, schema, environment, ["status_page"]);
  return { token: (value as { token: string | null }).token, secrets, faults };
}

/** Names of the environment variables that a configuration refers to, wherever it does. */
export function environmentReferences(raw: unknown): string[] {
  if (typeof raw !== "object" || raw === null) return [];
  const { env, ...others } = raw as { env?: unknown };
  if (typeof env === "string" && Object.keys(others).length === 0) return [env];
  return Object.values(raw).flatMap(environmentReferences);
}

function fetchText(
  at: unknown,
  environment: Record<string, string>,
  path: (string | number)[],
  found: ResolvedSecrets,
  isSecretText: boolean,
): unknown {
  const reference = at as { env?: string; file?: string } | string | null;
  let text: string | undefined;
  if (typeof reference === "string") text = reference;
  else if (typeof reference?.env === "string") {
    text = environment[reference.env];
    found.environmentNames.push(reference.env);
    if (!text) {
      found.faults.push(`${formatPath(path)}: the environment variable ${reference.env} is not set`);
    }
  } else if (typeof reference?.file === "string") {
    text = readText(reference.file, path, found.faults);
  } else return at;
  if (text && isSecretText) found.secrets.push(text);
  return text ?? at;
}

function readText(file: string, path: (string | number)[], faults: string[]): string | undefined {
  try {
    if (!Deno.statSync(file).isFile) throw new Error("it is no file"); // a pipe would hold main up, a terminal end it
    const text = Deno.readTextFileSync(file).trim();
    if (text === "") faults.push(`${formatPath(path)}: the file ${file} is empty`);
    return text;
  } catch (error) {
    faults.push(`${formatPath(path)}: the file ${file} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}
