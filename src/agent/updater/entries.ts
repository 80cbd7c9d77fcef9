// Runs in: main thread.
import { sameValue } from "../../shared/state_replica.ts";
import { nameOf, type Place, placesOf } from "./named_places.ts";

/** A part of a configuration that keeps its secrets to itself: a backend, a procedure, or another key at the top. */
export interface Entry extends Place {
  list: "backends" | "procedures" | undefined;
  /** Which line of its registry says what it may reach. */
  kind: string | undefined;
}

/** Every part of a configuration that has secrets of its own; works on raw JSON of any version. */
export function entriesOf(config: unknown): Entry[] {
  return placesOf("*", config).flatMap((place): Entry[] => {
    if (place.name === "backends" && Array.isArray(place.value)) {
      return placesOf("backends[]", config).map((entry) => {
        const { provider } = (entry.value ?? {}) as { provider?: unknown };
        return { ...entry, list: "backends", kind: typeof provider === "string" ? provider : undefined };
      });
    }
    if (place.name === "procedures" && isObject(place.value)) {
      return Object.entries(place.value).map(([kind, value]) => (
        { name: `procedures.${kind}`, path: ["procedures", kind], value, list: "procedures", kind }
      ));
    }
    return [{ ...place, list: undefined, kind: undefined }];
  });
}

/** What stands in the place of a list's element, or of a key, in another configuration. Elements are known by name. */
export function counterpart(item: unknown, key: string | number, present: unknown): unknown {
  if (typeof key === "string") {
    return isObject(present) && Object.hasOwn(present, key) ? present[key] : undefined;
  }
  if (!Array.isArray(present)) return undefined;
  const name = nameOf(item);
  return name === undefined ? present[key] : present.find((other) => nameOf(other) === name);
}

/** True where both are absent, null, or of one value. */
export function isSame(before: unknown, after: unknown): boolean {
  return sameValue(before ?? null, after ?? null);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
