// Runs in: any thread.
import * as z from "zod";

/** What stands in place of a secret wherever a person or a server could read it. */
export const REDACTED = "•••";

/** Where a text stands that is not in the configuration itself. */
export type Reference = { env: string } | { file: string };

/**
 * Schema of a secret: the text itself, or where to find it (`{"env": "NAME"}`, `{"file": "/path"}`), so that it
 * need not stand in the configuration. Main puts the text in place before a worker gets its settings.
 */
export function secret(): z.ZodType<string, string | Reference> {
  const schema = z.union([
    z.string().min(1),
    z.strictObject({ env: z.string().min(1) }),
    z.strictObject({ file: z.string().min(1) }),
  ]);
  return schema.meta({ secret: true }) as never;
}

/**
 * Schema of a PEM text that is no secret, or of the file that holds it: main reads it for workers that have no disk.
 *
 * @param label What it holds, for example `CERTIFICATE`.
 */
export function pem(label: string): z.ZodType<string, string | Reference> {
  const begin = `-----BEGIN ${label}-----`;
  const schema = z.union([z.string().includes(begin), z.strictObject({ file: z.string().min(1) })]);
  return schema.meta({ fetched: true }) as never;
}

/** The part of JSON Schema (2020-12) that our schemas use. */
export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  required?: string[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  description?: string;
  secret?: boolean;
  /** Stands in a file that main reads. */
  fetched?: boolean;
  [other: string]: unknown;
}

/** Keys that hold a secret wherever they stand, also where no schema knows them (a foreign or a damaged config). */
const SECRET_KEY = /(^|_)(password|passphrase|token|api_key|private_key|client_key|secret)$/i;

/** True for the name of a key whose value is a secret, whatever a schema says. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** A deep copy of `value` with each secret replaced by {@link REDACTED}; null and absent secrets stay as they are. */
export function redact(value: unknown, schema: JsonSchema | undefined, key = ""): unknown {
  if (value === null || value === undefined) return value;
  if (isSecret(schema) || isSecretKey(key)) return REDACTED;
  if (Array.isArray(value)) return value.map((item, index) => redact(item, schemaOfKey(schema, index)));
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redact(item, schemaOfKey(schema, name), name)]),
  );
}

/** The schema of one key of an object schema, through unions with null and maps. */
export function schemaOfKey(schema: JsonSchema | undefined, key: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof key === "number") return schema.items ?? firstOf(schema, key);
  if (Object.hasOwn(schema.properties ?? {}, key)) return schema.properties![key];
  if (typeof schema.additionalProperties === "object") return schema.additionalProperties;
  return firstOf(schema, key);
}

function firstOf(schema: JsonSchema, key: string | number): JsonSchema | undefined {
  for (const option of schema.anyOf ?? schema.oneOf ?? []) {
    const found = schemaOfKey(option, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** True for a secret, also one that may be left out. */
export function isSecret(schema: JsonSchema | undefined): boolean {
  if (schema === undefined) return false;
  return schema.secret === true || (schema.anyOf ?? schema.oneOf ?? []).some(isSecret);
}

/** True when the schema is of a text that may stand in a file; see {@link pem}. */
export function isFetched(schema: JsonSchema | undefined): boolean {
  if (schema === undefined) return false;
  return schema.fetched === true || (schema.anyOf ?? schema.oneOf ?? []).some(isFetched);
}
