// Runs in: main thread.
import type { StatusPageSettings } from "../shared/config.ts";
import { describeAllowed, formatPath } from "../shared/faults.ts";
import {
  isFetched,
  isSecret,
  type JsonSchema,
  REDACTED,
  referenceIn,
  schemaOfKey,
} from "../shared/secrets.ts";

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
 * stand in a file. For anything else in such a place nothing is read: it is an error.
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
    if (at === null || at === undefined) return at;
    if (own !== undefined && (isSecret(own) || isFetched(own))) {
      return fetchText(at, own, environment, path, found);
    }
    if (typeof at !== "object") return at;
    const next = (item: unknown, key: string | number) => walk(item, schemaOfKey(own, key), [...path, key]);
    if (Array.isArray(at)) return at.map(next);
    return Object.fromEntries(Object.entries(at).map(([key, item]) => [key, next(item, key)]));
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
  const reference = referenceIn(raw);
  if (reference !== undefined) return "env" in reference ? [reference.env] : [];
  return Object.values(raw).flatMap(environmentReferences);
}

/** The value of an environment variable; undefined when it is not set or empty. */
export function variable(environment: Record<string, string>, name: string): string | undefined {
  return (Object.hasOwn(environment, name) && environment[name]) || undefined;
}

function fetchText(
  at: unknown,
  own: JsonSchema,
  environment: Record<string, string>,
  path: (string | number)[],
  found: ResolvedSecrets,
): unknown {
  const isSecretText = isSecret(own);
  const reference = referenceIn(at);
  let text: string | undefined;
  if (typeof at === "string") text = at;
  else if (reference !== undefined && "file" in reference) {
    text = readText(reference.file, path, found.faults);
  } else if (reference !== undefined && isSecretText) { // what is no secret has no reason to come from there
    text = variable(environment, reference.env);
    found.environmentNames.push(reference.env);
    if (text === undefined) {
      found.faults.push(`${formatPath(path)}: the environment variable ${reference.env} is not set`);
    }
  } else found.faults.push(`${formatPath(path)}: expected ${describeAllowed(own)}, got ${REDACTED}`);
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
