// Runs in: main thread.
import { sameValue } from "../../shared/state_replica.ts";
import { findPlaces, placesOf } from "./named_places.ts";

/** Stands for every `{"env": …}` and `{"file": …}`: a configuration from afar may use those that are there already. */
export const NEW_REFERENCES = "new_references";

/** What only a person on the node may change, unless `general.local_only` says otherwise. */
export const DEFAULT_LOCAL_ONLY = ["backends[].rpc", "status_page", NEW_REFERENCES];

/** Never changed from afar, whatever the list says: the list itself, and who may sign new versions. */
const ALWAYS = ["general.local_only", "updater.*"];

/**
 * What a configuration from afar would change although it may not (it may leave out whole elements of lists). Works on
 * raw JSON, so that it also holds for configurations of versions whose settings this one does not know.
 *
 * @param current The configuration in use, whose list counts.
 * @returns the names of the keys.
 */
export function forbiddenChanges(current: unknown, received: unknown): string[] {
  const own = (current as { general?: { local_only?: unknown } } | null)?.general?.local_only;
  const patterns = Array.isArray(own) ? own.map(String) : DEFAULT_LOCAL_ONLY;
  const changed = [...ALWAYS, ...patterns].flatMap((pattern) =>
    pattern === NEW_REFERENCES ? newReferences(current, received) : changesAt(pattern, current, received)
  );
  return [...new Set(changed)];
}

function changesAt(pattern: string, current: unknown, received: unknown): string[] {
  const before = new Map(placesOf(pattern, current).map(({ name, value }) => [name, value]));
  const after = new Map(placesOf(pattern, received).map(({ name, value }) => [name, value]));
  const [list, rest] = pattern.split("[]");
  const elements = rest === undefined ? [] : placesOf(`${list}[]`, received).map(({ name }) => name);
  const isRemoved = (name: string) =>
    rest !== undefined && !elements.some((element) => name.startsWith(element));
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) =>
    !isRemoved(name) && !sameValue(before.get(name) ?? null, after.get(name) ?? null)
  );
}

function newReferences(current: unknown, received: unknown): string[] {
  const known = new Set(findPlaces(current, isReference).map(({ value }) => JSON.stringify(value)));
  return findPlaces(received, isReference).filter(({ value }) => !known.has(JSON.stringify(value)))
    .map(({ name }) => name);
}

/** `{"env": "NAME"}` or `{"file": "/path"}`. */
function isReference(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && (keys[0] === "env" || keys[0] === "file");
}
