// Runs in: build time.
import { isFetched, isSecret, type JsonSchema } from "../shared/secrets.ts";

/** What a setting may be, in few words. */
export function typeText(schema: JsonSchema): string {
  if (schema.secret === true) return "secret";
  if (schema.fetched === true) return "certificate";
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return options.map(typeText).join(" or ");
  switch (schema.type) {
    case "integer":
    case "number":
      return [schema.type, rangeText(schema)].filter((part) => part !== "").join(", ");
    case "string":
      return schema.format === "uuid" ? "UUID" : schema.format === "uri" ? "URL" : "text";
    case "boolean":
      return "true or false";
    case "array":
      return `list of ${typeText(schema.items ?? {})}`;
    default:
      return `${schema.type ?? "any value"}`;
  }
}

/** What holds when a setting is left out. */
export function defaultText(schema: JsonSchema): string {
  const value = schema["default"];
  return value === undefined ? "not set" : isEmptyObject(value) ? "as below" : code(value);
}

/** The object that a setting is or may be; a secret counts as a text, wherever it stands. */
export function objectIn(schema: JsonSchema): JsonSchema | undefined {
  if (isSecret(schema) || isFetched(schema)) return undefined;
  if (schema.properties !== undefined) return schema;
  return schema.anyOf?.map(objectIn).find((option) => option !== undefined);
}

function rangeText({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const from = exclusiveMinimum === undefined ? bound(minimum) : `above ${bound(exclusiveMinimum)}`;
  const to = bound(maximum);
  if (from !== "" && to !== "") return `${from} to ${to}`;
  if (from !== "") return exclusiveMinimum === undefined ? `${from} or more` : from;
  return to === "" ? "" : `at most ${to}`;
}

/** JSON Schema gives every integer the bounds of what JavaScript can count to. */
function bound(value: number | undefined): string {
  return value === undefined || !Number.isSafeInteger(Math.trunc(value)) ||
      Math.abs(value) === Number.MAX_SAFE_INTEGER
    ? ""
    : value.toLocaleString("en");
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.keys(value).length === 0;
}
