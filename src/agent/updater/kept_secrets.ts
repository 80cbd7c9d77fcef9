// Runs in: main thread.
import { formatPath } from "../../shared/faults.ts";
import { REDACTED } from "../../shared/secrets.ts";
import { nameOf } from "./named_places.ts";

/**
 * A received configuration with the present value wherever it has the sign for a secret, because who wrote it has only
 * seen the sign. Backends are matched by name.
 *
 * @returns the configuration, and the places where there is no present value.
 */
export function keepSecrets(received: unknown, current: unknown): { config: unknown; missing: string[] } {
  const missing: string[] = [];
  const walk = (value: unknown, present: unknown, path: (string | number)[]): unknown => {
    if (value === REDACTED) {
      if (present === undefined || present === null) missing.push(formatPath(path));
      return present;
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => walk(item, counterpart(item, index, present), [...path, index]));
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, walk(item, ownValue(present, key), [...path, key])]),
    );
  };
  return { config: walk(received, current, []), missing };
}

function counterpart(item: unknown, index: number, present: unknown): unknown {
  if (!Array.isArray(present)) return undefined;
  const name = nameOf(item);
  return name === undefined ? present[index] : present.find((other) => nameOf(other) === name);
}

function ownValue(object: unknown, key: string): unknown {
  if (typeof object !== "object" || object === null || !Object.hasOwn(object, key)) return undefined;
  return (object as Record<string, unknown>)[key];
}
