// Runs in: any thread.
import * as z from "zod";

/** What stands in place of a secret wherever a person or a server could read it. */
export const REDACTED = "•••";

/** Where a text stands that is not in the configuration itself. */
export type Reference = { env: string } | { file: string };

/**
 * The one place that decides what a reference is: exactly one key, `env` or `file`, with a text. Anything else that
 * stands where a secret should is an error, and nothing is read for it.
 */
export function referenceIn(value: unknown): Reference | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [only, ...others] = Object.entries(value);
  if (only === undefined || others.length > 0) return undefined;
  const [key, text] = only;
  if ((key !== "env" && key !== "file") || typeof text !== "string" || text === "") return undefined;
  return value as Reference;
}

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
  prefixItems?: JsonSchema[];
  required?: string[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
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

/**
 * A deep copy of `value` with each secret replaced by {@link REDACTED}, also what is one in addresses; null and absent
 * secrets stay as they are.
 */
export function redact(value: unknown, schema: JsonSchema | undefined, key = ""): unknown {
  if (value === null || value === undefined) return value;
  if (isSecret(schema) || isSecretKey(key)) return REDACTED;
  if (Array.isArray(value)) return value.map((item, index) => redact(item, schemaOfKey(schema, index)));
  if (typeof value === "string") return shownText(value);
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redact(item, schemaOfKey(schema, name), name)]),
  );
}

/** The schema of one key of an object schema, through unions with null and maps. */
export function schemaOfKey(schema: JsonSchema | undefined, key: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof key === "number") {
    return (key < (schema.prefixItems ?? []).length ? schema.prefixItems![key] : schema.items) ??
      ofOptions(schema, key);
  }
  if (Object.hasOwn(schema.properties ?? {}, key)) return schema.properties![key];
  if (typeof schema.additionalProperties === "object") return schema.additionalProperties;
  return ofOptions(schema, key);
}

/** What any of several shapes says of a key: where one of them has a secret, it is one. */
function ofOptions(schema: JsonSchema, key: string | number): JsonSchema | undefined {
  const found = optionsOf(schema).map((option) => schemaOfKey(option, key)).filter((own) =>
    own !== undefined
  );
  return found.length > 1 ? { anyOf: found } : found[0];
}

function optionsOf({ anyOf = [], oneOf = [], allOf = [] }: JsonSchema): JsonSchema[] {
  return [...anyOf, ...oneOf, ...allOf];
}

/** True for a secret, also one that may be left out. */
export function isSecret(schema: JsonSchema | undefined): boolean {
  return schema !== undefined && (schema.secret === true || optionsOf(schema).some(isSecret));
}

/** True when the schema is of a text that may stand in a file; see {@link pem}. */
export function isFetched(schema: JsonSchema | undefined): boolean {
  return schema !== undefined && (schema.fetched === true || optionsOf(schema).some(isFetched));
}

/** What looks like an address, up to its query; a scheme is short, so that a long text costs no more than its length. */
const ADDRESS = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)([^\s\/?#@"'<>]*@)?([^\s?#"'<>]*)(\?[^\s#"'<>]*)?/gi;

/** A text as eyes and servers may see it: no address in it shows a user, a password, or a value of its query. */
export function shownText(text: string): string {
  if (!text.includes("://")) return text;
  return text.replaceAll(
    ADDRESS,
    (_all, scheme: string, user: string | undefined, rest: string, query: string | undefined) =>
      `${scheme}${user === undefined ? "" : `${REDACTED}@`}${rest}${
        query === undefined ? "" : hidden(query)
      }`,
  );
}

/** `?a=1&b=2` as `?a=•••&b=•••`. */
function hidden(query: string): string {
  const parts = query.slice(1).split("&");
  return `?${
    parts.map((part) => part === "" ? "" : part.replace(/^([^=]*=)?.*$/s, `$1${REDACTED}`)).join("&")
  }`;
}
