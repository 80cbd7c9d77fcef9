// Runs in: backend worker.
import type { Heard } from "../runtime/backend.ts";
import { MAX_CONFIG_LENGTH, parseJson } from "../shared/json.ts";
import { MAX_KEY_LENGTH } from "../shared/shape.ts";

const MAX_REVISION = 2_147_483_647;
/** How deep values may be nested: deeper ones are an attack on whoever walks through them. */
const MAX_DEPTH = 64;
/** No UTF-16 code unit takes more than three bytes in UTF-8. */
const MAX_PAYLOAD_BYTES = 3 * MAX_CONFIG_LENGTH;

export type { Heard };

export function garbage(reason: string): Heard & { kind: "garbage" } {
  return { kind: "garbage", reason };
}

/** The JSON value in a payload; errors are sentences without any of its content. */
export function decodeJson(payload: Uint8Array): { value: unknown } | { kind: "garbage"; reason: string } {
  let text: string;
  if (payload.length > MAX_PAYLOAD_BYTES) return garbage("it is larger than any text that is read");
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    return garbage("it is not UTF-8");
  }
  return decodeJsonText(text);
}

/** The same of a text. */
export function decodeJsonText(text: string): { value: unknown } | { kind: "garbage"; reason: string } {
  if (text.length <= MAX_CONFIG_LENGTH && isTooDeep(text)) return garbage("it is nested too deeply");
  try {
    const value = parseJson(text);
    const fault = unsendable(value);
    return fault === undefined ? { value } : garbage(fault);
  } catch (error) {
    // of whatever kind: no bytes from outside may end the worker; a cause might quote them
    return garbage((error as Error).message);
  }
}

/** Why main would take a JSON value for a fault of this worker; undefined when it would not. */
function unsendable(value: unknown): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return "a number in it is too large";
  if (typeof value !== "object" || value === null) return undefined;
  for (const key in value) {
    if (key.length > MAX_KEY_LENGTH) return `a key in it has more than ${MAX_KEY_LENGTH} characters`;
    const fault = unsendable((value as Record<string, unknown>)[key]);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A whole configuration, which carries its own revision. */
export function decodeConfiguration(payload: Uint8Array): Heard {
  const json = decodeJson(payload);
  return "kind" in json ? json : asConfiguration(json.value);
}

/** A configuration that carries its own revision, from a JSON value. */
export function asConfiguration(value: unknown): Heard {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return garbage("a configuration must be an object");
  }
  const general = (value as { general?: unknown }).general;
  const revision = (general as { config_revision?: unknown } | null | undefined)?.config_revision;
  if (!isRevision(revision)) {
    return garbage(`general.config_revision must be an integer from 0 to ${MAX_REVISION}`);
  }
  return { kind: "configuration", revision, config: value };
}

export function isRevision(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_REVISION;
}

/** Counts brackets, strings left out; one look at each character, whatever the text is. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isInString = !isInString;
    else if (isInString) at += character === "\\" ? 1 : 0; // what is escaped ends no string
    else if (character === "}" || character === "]") depth--;
    else if ((character === "{" || character === "[") && ++depth > MAX_DEPTH) return true;
  }
  return false;
}
