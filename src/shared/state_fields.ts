// Runs in: any thread.
import * as z from "zod";
import { describeFaults, faultsOf, formatPath } from "./faults.ts";
import { findUnplain } from "./state_plain.ts";
import type { JsonSchema } from "./secrets.ts";

/** The top-level fields of a state: each has a default, so that a state is always whole. */
export type StateFields = Record<string, z.ZodDefault>;

/** The state that the fields describe. */
export type StateOf<Fields extends StateFields> = {
  -readonly [Name in keyof Fields]: z.output<Fields[Name]>;
};

/** The same, for reading only. */
export type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** Top-level fields by name, as JSON text: how they cross threads and lie on disk. */
export type FieldTexts = Record<string, string>;

/** What one top-level field may weigh as JSON in UTF-8, in bytes: the most that Deno KV takes as one value. */
export const MAX_FIELD_BYTES = 65_536;

/** Marks a top-level field that is not kept over a restart, because it is only true while the agent runs. */
export function volatile<Schema extends z.ZodDefault>(schema: Schema): Schema {
  return schema.meta({ volatile: true });
}

/** Whether a field is marked {@link volatile}. */
export function isVolatile(schema: z.ZodType): boolean {
  return schema.meta()?.["volatile"] === true;
}

/** Every field's default, as text. */
export function defaultTexts(fields: StateFields): FieldTexts {
  return Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => [name, encodeField(name, schema, undefined)]),
  );
}

/**
 * The text of one field's value, with the schema's defaults put in for what is missing.
 *
 * @throws {TypeError} with path and reason, when the value breaks the schema, is no plain data or is too large.
 */
export function encodeField(name: string, schema: z.ZodType, value: unknown): string {
  const unplain = findUnplain(value, [name]);
  if (unplain !== undefined) throw new TypeError(unplain);
  const checked = schema.safeParse(value);
  if (!checked.success) throw new TypeError(describe(name, schema, value, checked.error));
  const text = JSON.stringify(checked.data);
  const sizeBytes = utf8Bytes(text);
  if (sizeBytes > MAX_FIELD_BYTES) {
    throw new TypeError(`${formatPath([name])}: weighs ${sizeBytes} bytes, but may weigh ${MAX_FIELD_BYTES}`);
  }
  return text;
}

function describe(name: string, schema: z.ZodType, value: unknown, error: z.core.$ZodError): string {
  const shape = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return describeFaults(faultsOf(error), shape, value, [name]).join("; ");
}

/** Counts only where the number of code units leaves a doubt. */
function utf8Bytes(text: string): number {
  return text.length * 3 <= MAX_FIELD_BYTES ? text.length : new TextEncoder().encode(text).length;
}
