// Runs in: any thread.

/** What came from another thread is not what was agreed on. The message says where, and what was expected. */
export class InvalidMessageError extends TypeError {
  override name = "InvalidMessageError";
}

/**
 * Checks one value that came from another thread, whose sender is not believed.
 *
 * @returns the value itself.
 * @throws {InvalidMessageError}
 */
export interface Shape<T> {
  (value: unknown, path: string): T;
  /** The key may be missing. */
  isOptional?: true;
}

/** The shapes of an object's keys. */
export type Fields<T> = { [Key in keyof T]-?: Shape<Exclude<T[Key], undefined>> };

/** Counts and ids: no larger than what a number holds exactly. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER;
/** No object that threads exchange has longer keys, in UTF-16 code units. */
export const MAX_KEY_LENGTH = 1024;

export function text(maxLength: number): Shape<string> {
  return (value, path) =>
    typeof value === "string" && value.length <= maxLength
      ? value
      : refuse(path, `a text of at most ${maxLength} characters`, value);
}

export function integer(min: number, max = MAX_COUNT): Shape<number> {
  return (value, path) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? value as number
      : refuse(path, `an integer from ${min} to ${max}`, value);
}

/** A finite number. */
export function number(min = -Number.MAX_VALUE, max = Number.MAX_VALUE): Shape<number> {
  return (value, path) =>
    typeof value === "number" && value >= min && value <= max
      ? value
      : refuse(path, `a number from ${min} to ${max}`, value);
}

export const flag: Shape<boolean> = (value, path) =>
  typeof value === "boolean" ? value : refuse(path, "true or false", value);

export function oneOf<const T extends string | number>(...allowed: readonly T[]): Shape<T> {
  return (value, path) =>
    allowed.includes(value as T) ? value as T : refuse(path, `one of ${allowed.join(", ")}`, value);
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, path) => value === null ? null : shape(value, path);
}

/** In an object: the key may be missing, or undefined. */
export function optional<T>(shape: Shape<T>): Shape<T> {
  const check: Shape<T> = (value, path) => value === undefined ? undefined as T : shape(value, path);
  check.isOptional = true;
  return check;
}

export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return (value, path) => {
    try {
      return first(value, path);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      return second(value, path);
    }
  };
}

export function list<T>(shape: Shape<T>, maxLength: number, minLength = 0): Shape<T[]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length > maxLength || value.length < minLength) {
      return refuse(path, `a list of ${minLength} to ${maxLength}`, value);
    }
    for (let index = 0; index < value.length; index++) shape(value[index], `${path}[${index}]`);
    return value;
  };
}

/** An object of any keys. */
export function record<T>(shape: Shape<T>, maxKeys: number): Shape<Record<string, T>> {
  return (value, path) => {
    const keys = keysOf(value, path);
    if (keys.length > maxKeys) return refuse(path, `an object of at most ${maxKeys} keys`, value);
    for (const key of keys) shape((value as Record<string, unknown>)[key], `${path}.${key}`);
    return value as Record<string, T>;
  };
}

/** An object of these keys and no others. */
export function object<T>(fields: Fields<T>): Shape<T> {
  const known = Object.entries(fields) as [string, Shape<unknown>][];
  return (value, path) => {
    const keys = keysOf(value, path);
    for (const key of keys) {
      if (!Object.hasOwn(fields, key)) throw new InvalidMessageError(`${path}: unknown key ${shown(key)}`);
    }
    for (const [key, shape] of known) {
      if (Object.hasOwn(value as object, key)) {
        shape((value as Record<string, unknown>)[key], path === "" ? key : `${path}.${key}`);
      } else if (!shape.isOptional) throw new InvalidMessageError(`${path}: ${key} is missing`);
    }
    return value as T;
  };
}

/** A value that JSON can carry, of a bounded number of values and of texts that are short all together. */
export function json({ maxValues = 20_000, maxLength = 1_048_576, maxDepth = 64 } = {}): Shape<unknown> {
  return (value, path) => {
    let values = 0;
    let length = 0;
    const count = (found: string) => {
      length += found.length;
      if (length > maxLength) refuse(path, `JSON of at most ${maxLength} characters`, value);
    };
    const walk = (item: unknown, depth: number): void => {
      if (++values > maxValues) refuse(path, `JSON of at most ${maxValues} values`, value);
      if (depth > maxDepth) refuse(path, `JSON that is nested at most ${maxDepth} deep`, value);
      if (typeof item === "string") return count(item);
      if (item === null || typeof item === "boolean" || Number.isFinite(item)) return;
      if (Array.isArray(item)) return item.forEach((inner) => walk(inner, depth + 1));
      for (const key of keysOf(item, path)) {
        count(key);
        const inner = (item as Record<string, unknown>)[key];
        if (inner !== undefined) walk(inner, depth + 1); // JSON leaves it out
      }
    };
    walk(value, 0);
    return value;
  };
}

export function bytes(maxLength: number): Shape<Uint8Array<ArrayBuffer>> {
  return (value, path) =>
    value instanceof Uint8Array && value.buffer instanceof ArrayBuffer && value.length <= maxLength
      ? value as Uint8Array<ArrayBuffer>
      : refuse(path, `at most ${maxLength} bytes`, value);
}

/** The decoder of one direction of a port: every member of the union by its `type`, and nothing else. */
export function decoderOf<Union extends { type: string }>(
  members: { [Type in Union["type"]]: Fields<Omit<Extract<Union, { type: Type }>, "type">> },
): (value: unknown) => Union {
  const shapes = new Map(
    Object.entries(members).map(([type, fields]) => [
      type,
      object({ type: oneOf(type), ...(fields as Fields<Record<string, unknown>>) }),
    ]),
  );
  return (value) => {
    const type = keysOf(value, "").includes("type") ? (value as { type: unknown }).type : undefined;
    const shape = shapes.get(type as string);
    if (shape === undefined) throw new InvalidMessageError(`there is no message of type ${shown(type)}`);
    return shape(value, type as string) as unknown as Union;
  };
}

/** The keys of a plain object. Other objects that threads can exchange (maps, dates, buffers) are none. */
function keysOf(value: unknown, path: string): string[] {
  const isPlain = typeof value === "object" && value !== null &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);
  if (!isPlain) return refuse(path, "an object", value);
  const keys = Object.keys(value);
  if (keys.some((key) => key.length > MAX_KEY_LENGTH)) {
    return refuse(path, `keys of at most ${MAX_KEY_LENGTH} characters`, value);
  }
  return keys;
}

function refuse(path: string, expected: string, found: unknown): never {
  throw new InvalidMessageError(`${path || "the message"}: expected ${expected}, found ${shown(found)}`);
}

/** Enough of a value to know it by, in printable characters. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    return value.length <= 40 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  }
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) {
    return String(value);
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "object" ? "an object" : typeof value;
}
