// Runs in: any thread.
import { cutText } from "./text.ts";
import type * as z from "zod";
import { didYouMean } from "./nearest.ts";
import { type JsonSchema, redact, REDACTED, schemaOfKey } from "./secrets.ts";

/** One thing that is wrong with an input, as plain values. */
export interface Fault {
  path: (string | number)[];
  /** Present when a key is not known here. */
  unknownKey?: string;
  /** Present when a rule of its own (not the schema's shape) was broken. */
  rule?: string;
}

/** The faults of a zod error, flattened so that they can cross threads. */
export function faultsOf(error: z.core.$ZodError): Fault[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map((part) => typeof part === "number" ? part : String(part));
    if (issue.code === "unrecognized_keys") return issue.keys.map((unknownKey) => ({ path, unknownKey }));
    if (issue.code === "custom") return [{ path, rule: issue.message }];
    return [{ path }];
  });
}

/**
 * One line per fault: `backends[0].port: expected an integer from 1 to 65535, got "1883"`.
 *
 * @param prefix Where the input stands in the whole, for example `["procedures", "random_walk"]`.
 */
export function describeFaults(
  faults: Fault[],
  schema: JsonSchema,
  input: unknown,
  prefix: (string | number)[] = [],
): string[] {
  return describeSome(faults, (fault) => {
    const at = schemaAt(schema, fault.path);
    const path = formatPath([...prefix, ...fault.path]);
    if (fault.unknownKey !== undefined) {
      const known = Object.keys(at?.properties ?? {});
      return `${path}: unknown key "${fault.unknownKey}"${didYouMean(fault.unknownKey, known)}`;
    }
    const got = describeValue(valueAt(input, fault.path), at, String(fault.path.at(-1) ?? ""));
    if (fault.rule !== undefined) return `${path}: ${fault.rule}, got ${got}`;
    return `${path}: expected ${describeAllowed(at)}, got ${got}`;
  });
}

/** How many errors are described: who has made more looks at the first ones first. */
const MAX_DESCRIBED = 30;

/** A line per error, and one that counts those that are left out. */
export function describeSome<T>(all: readonly T[], describe: (one: T) => string): string[] {
  const lines = all.slice(0, MAX_DESCRIBED).map(describe);
  const others = all.length - lines.length;
  return others > 0 ? [...lines, `and ${others} more errors`] : lines;
}

/** `["backends", 0, "port"]` as `backends[0].port`. */
export function formatPath(path: (string | number)[]): string {
  if (path.length === 0) return "(the whole)";
  return path.map((part, index) => typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)
    .join("");
}

/** What a schema allows, in words. */
export function describeAllowed(schema: JsonSchema | undefined): string {
  if (schema === undefined) return "something else";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) {
    return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  if (schema.secret === true) return 'text, {"env": "NAME"} or {"file": "/path"}';
  if (schema.fetched === true) return `PEM text (${schema.anyOf?.[0]?.pattern}) or {"file": "/path"}`;
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return options.map(describeAllowed).join(" or ");
  switch (schema.type) {
    case "integer":
      return `an integer${describeRange(schema)}`;
    case "number":
      return `a number${describeRange(schema)}`;
    case "string":
      return describeText(schema);
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array":
      return `a list${typeof schema["maxItems"] === "number" ? ` of at most ${schema["maxItems"]}` : ""}`;
    case "object":
      return "an object";
    default:
      return schema.description ?? "something else";
  }
}

function describeRange(schema: JsonSchema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const lowIsReal = low !== undefined && low > Number.MIN_SAFE_INTEGER;
  const highIsReal = high !== undefined && high < Number.MAX_SAFE_INTEGER;
  const above = schema.exclusiveMinimum !== undefined ? "above" : "from";
  if (lowIsReal && highIsReal) return ` ${above} ${low} to ${high}`;
  if (lowIsReal) return schema.exclusiveMinimum !== undefined ? ` above ${low}` : ` of at least ${low}`;
  return highIsReal ? ` of at most ${high}` : "";
}

function describeText(schema: JsonSchema): string {
  if (schema.description !== undefined) return `text (${schema.description})`;
  if (schema.pattern !== undefined) return `text that matches ${schema.pattern}`;
  return schema.minLength !== undefined && schema.minLength > 0 ? "text that is not empty" : "text";
}

function schemaAt(schema: JsonSchema, path: (string | number)[]): JsonSchema | undefined {
  return path.reduce<JsonSchema | undefined>((at, key) => schemaOfKey(at, key), schema);
}

function valueAt(input: unknown, path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string | number, unknown>)[key]
        : undefined,
    input,
  );
}

function describeValue(value: unknown, schema: JsonSchema | undefined, key: string): string {
  if (value === undefined) return "nothing";
  const shown = redact(value, schema, key);
  if (shown === REDACTED) return REDACTED;
  const text = JSON.stringify(shown) ?? String(shown);
  return text.length > 60 ? `${cutText(text, 57)}…` : text;
}
