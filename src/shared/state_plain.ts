// Runs in: any thread.
import { formatPath } from "./faults.ts";

/** How deep lists and objects may be nested. */
const MAX_DEPTH = 64;

type Path = (string | number)[];

/**
 * Looks for what JSON cannot carry: functions, promises, NaN, dates, values that contain themselves.
 *
 * @param path where the value stands in the whole
 * @returns a sentence about the first such place, or nothing when the value is plain data
 */
export function findUnplain(value: unknown, path: Path): string | undefined {
  return search(value, [...path], []);
}

/** Path and the objects above are shared on the way down, so that a large value costs no copies. */
function search(value: unknown, path: Path, above: object[]): string | undefined {
  if (typeof value !== "object" || value === null) return scalarFault(value, path);
  if (above.includes(value)) return `${formatPath(path)}: contains itself`;
  if (above.length === MAX_DEPTH) return `${formatPath(path)}: is nested deeper than ${MAX_DEPTH} levels`;
  if (!Array.isArray(value) && !isPlainObject(value)) return objectFault(value, path);
  above.push(value);
  for (const [key, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    path.push(key);
    const fault = search(item, path, above);
    if (fault !== undefined) return fault;
    path.pop();
  }
  above.pop();
  return undefined;
}

function scalarFault(value: unknown, path: Path): string | undefined {
  switch (typeof value) {
    case "number":
      if (Number.isFinite(value)) return undefined;
      return `${formatPath(path)}: expected a finite number, got ${value}`;
    case "function":
    case "symbol":
    case "bigint":
      return `${formatPath(path)}: expected plain data, got a ${typeof value}`;
    default:
      return undefined;
  }
}

function objectFault(value: object, path: Path): string {
  const advice = value instanceof Promise ? "; await it before the update" : "";
  return `${formatPath(path)}: expected plain data, got a ${
    value.constructor?.name ?? "strange object"
  }${advice}`;
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
