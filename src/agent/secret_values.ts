// Runs in: main thread.
import { formatPath } from "../shared/faults.ts";
import { isSecret, type JsonSchema, schemaOfKey } from "../shared/secrets.ts";

/** A value with its secrets fetched from where the configuration says, and what they are. */
export interface ResolvedSecrets {
  value: unknown;
  secrets: string[];
  /** Names of environment variables that were read: to be removed before any other program or worker sees them. */
  environmentNames: string[];
  faults: string[];
}

/**
 * Puts the secrets in place of `{"env": NAME}` and `{"file": PATH}` wherever the schema has a secret.
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
    if (isSecret(own)) return fetchSecret(at, environment, path, found);
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

function fetchSecret(
  at: unknown,
  environment: Record<string, string>,
  path: (string | number)[],
  found: ResolvedSecrets,
): unknown {
  const reference = at as { env?: string; file?: string } | string | null;
  let secret: string | undefined;
  if (typeof reference === "string") secret = reference;
  else if (typeof reference?.env === "string") {
    secret = environment[reference.env];
    found.environmentNames.push(reference.env);
    if (!secret) {
      found.faults.push(`${formatPath(path)}: the environment variable ${reference.env} is not set`);
    }
  } else if (typeof reference?.file === "string") {
    secret = readSecretFile(reference.file, path, found.faults);
  } else return at;
  if (secret) found.secrets.push(secret);
  return secret ?? at;
}

function readSecretFile(file: string, path: (string | number)[], faults: string[]): string | undefined {
  try {
    const secret = Deno.readTextFileSync(file).trim();
    if (secret === "") faults.push(`${formatPath(path)}: the file ${file} is empty`);
    return secret;
  } catch (error) {
    faults.push(`${formatPath(path)}: the file ${file} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}
