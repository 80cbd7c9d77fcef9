// Runs in: any thread.
import {
  InvalidMessageError,
  json,
  MAX_KEY_LENGTH,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
} from "./shape.ts";
import { wellFormedJson } from "./well_formed.ts";

/** Severity of a log entry, in rising order. */
export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION"] as const;
/** See {@link LEVELS}. */
export type Level = (typeof LEVELS)[number];

/** What one measurement may hold: flat keys, no nesting, so that every backend and every CSV file can carry it. */
export type Data = Record<string, number | string | boolean>;

/** What became of a configuration; `startup` = the agent has started with it. */
export type ConfigStatus = "received" | "accepted" | "rejected" | "startup";

/** What a message says. The keys are the wire's and the daily file's. */
export type MessageBody =
  | { variant: "data"; data: Data }
  | { variant: "log"; level: Level; subject: string; body: string }
  | { variant: "config"; status: ConfigStatus; config: unknown; reason?: string };

/** The kinds of messages. */
export type Variant = MessageBody["variant"];
/** All kinds, the one that is sent first in front. */
export const VARIANTS: readonly Variant[] = ["config", "log", "data"];

/** One line of a daily file. `id` increases and never repeats within a store; `timestamp` is Unix seconds, UTC. */
export interface Message {
  /** Its place in the store. */
  id: number;
  /** When it was measured. */
  timestamp: number;
  /** What it says. */
  message_body: MessageBody;
}

/** Keys that backends use for logs and for configuration status. */
const RESERVED_KEYS = new Set(["logging", "configuration"]);

/** How large one message may become as JSON text, in bytes (UTF-16 code units are close enough for a bound). */
export const MAX_MESSAGE_LENGTH = 1_048_576;

/** Numeric position of a level, for comparing thresholds. */
export function levelRank(level: Level): number {
  return LEVELS.indexOf(level);
}

/**
 * Turns a measurement into the JSON text that is stored.
 *
 * @throws {TypeError} naming every key that cannot be stored, and why.
 */
export function encodeData(data: Data): string {
  const faults = dataFaults(data);
  if (faults.length > 0) throw new TypeError(`measurement refused: ${faults.join("; ")}`);
  return encodeBody({ variant: "data", data });
}

/**
 * Turns a message body into the JSON text that is stored; its texts are made well-formed.
 *
 * @throws {RangeError} when it is longer than {@link MAX_MESSAGE_LENGTH}.
 */
export function encodeBody(body: MessageBody): string {
  const text = wellFormedJson(JSON.stringify(body));
  if (text.length > MAX_MESSAGE_LENGTH) {
    throw new RangeError(`a message of ${text.length} characters is over the limit of ${MAX_MESSAGE_LENGTH}`);
  }
  return text;
}

/** A number that can be written down, a text, or true or false. */
const measuredValue: Shape<number | string | boolean> = (value, path) => {
  if (typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) {
    return value as never;
  }
  throw new InvalidMessageError(`${path}: expected a finite number, a text, true or false`);
};
const anyText = text(MAX_MESSAGE_LENGTH);

const BODIES = {
  data: object({ variant: oneOf("data"), data: record(measuredValue, MAX_MESSAGE_LENGTH) }),
  log: object({ variant: oneOf("log"), level: oneOf(...LEVELS), subject: anyText, body: anyText }),
  config: object({
    variant: oneOf("config"),
    status: oneOf("received", "accepted", "rejected", "startup"),
    config: json({ maxValues: MAX_MESSAGE_LENGTH }),
    reason: optional(anyText),
  }),
};

/**
 * What the JSON text of a message body says, from a sender that is not believed.
 *
 * @throws {InvalidMessageError}
 */
export function parseBody(body: string): MessageBody {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new InvalidMessageError("the body of a message is not JSON");
  }
  const variant = Object(value).variant as Variant;
  if (!VARIANTS.includes(variant)) {
    throw new InvalidMessageError("the body of a message has no known variant");
  }
  const checked: MessageBody = BODIES[variant](value, "body") as MessageBody;
  if (checked.variant !== "data") return checked;
  const [fault] = dataFaults(checked.data);
  if (fault !== undefined) throw new InvalidMessageError(`the body of a message: ${fault}`);
  return checked;
}

/** The body of a stored message; its texts are made well-formed, since version 0.1 stored them as they came. */
export function decodeBody(text: string): MessageBody {
  return JSON.parse(wellFormedJson(text));
}

function dataFaults(data: Data): string[] {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    return ["expected an object of keys and values"];
  }
  const keys = Object.keys(data);
  if (keys.length === 0) return ["it has no keys"];
  return keys.flatMap((key) => {
    if (key === "") return ["a key is empty"];
    if (key.length > MAX_KEY_LENGTH) return [`a key has more than ${MAX_KEY_LENGTH} characters`];
    if (RESERVED_KEYS.has(key)) return [`the key "${key}" is reserved`];
    const value: unknown = data[key];
    if (typeof value === "number" && !Number.isFinite(value)) {
      return [`"${key}" is ${value}, not a finite number`];
    }
    if (["number", "string", "boolean"].includes(typeof value)) return [];
    return [`"${key}" is ${value === null ? "null" : typeof value}, allowed are number, string and boolean`];
  });
}
