// Runs in: main thread.
import { configJsonSchema } from "../../shared/config.ts";
import { type JsonSchema, schemaOfKey } from "../../shared/secrets.ts";
import { sameValue } from "../../shared/state_replica.ts";
import { placesOf } from "./named_places.ts";

/**
 * Stands for every `{"env": …}` and `{"file": …}`: a remote configuration may only keep those that are there, each in
 * its place.
 */
const NEW_REFERENCES = "new_references";

/** What only a person on the node may change, unless `general.local_only` says otherwise. */
const DEFAULT_LOCAL_ONLY = ["backends[].rpc", "status_page", NEW_REFERENCES];

/** Never changed remotely, whatever the list says: the list itself, where secrets may go, and who may sign versions. */
const ALWAYS = ["general.local_only", "general.trusted_destinations", "updater.*"];

/**
 * What a remote configuration would change although it may not (it may leave out whole elements of lists). Works on raw
 * JSON, so that it also holds for configurations of versions whose settings this one does not know.
 *
 * @param current The configuration in use, whose list counts.
 * @returns the names of the keys.
 */
export function forbiddenChanges(current: unknown, received: unknown): string[] {
  const patterns = [...ALWAYS, ...localOnly(current).filter((pattern) => pattern !== NEW_REFERENCES)];
  const defaultOf = versionOf(current) === versionOf(received) ? defaultsHere() : () => undefined;
  const changed = patterns.flatMap((pattern) => changesAt(pattern, current, received, defaultOf));
  return [...new Set([...changed, ...changedConfigures(current, received)])];
}

/** Whether a remote configuration may not bring references of its own. */
export function refusesReferences(current: unknown): boolean {
  return localOnly(current).includes(NEW_REFERENCES);
}

function localOnly(current: unknown): string[] {
  const own = (current as { general?: { local_only?: unknown } } | null)?.general?.local_only;
  return Array.isArray(own) ? own.map(String) : DEFAULT_LOCAL_ONLY;
}

/** Who configures the node cannot let others do so: a backend that comes remotely has a server that may not. */
function changedConfigures(current: unknown, received: unknown): string[] {
  const before = new Map(
    placesOf("backends[]", current).map(({ name, value }) => [name, mayConfigure(value)]),
  );
  return placesOf("backends[]", received)
    .filter(({ name, value }) => mayConfigure(value) !== (before.get(name) ?? false))
    .map(({ name }) => `${name}.configures`);
}

/** Whether the server of a backend may configure this node, from the backend's raw entry. */
export function mayConfigure(entry: unknown): boolean {
  return (entry as { configures?: unknown } | null)?.configures !== false;
}

type DefaultOf = (name: string) => unknown;

/** What a key that is left out means: that is rarely null. */
function defaultsHere(): DefaultOf {
  const schema = configJsonSchema();
  return (name) =>
    name.split(".").reduce<JsonSchema | undefined>((at, key) => schemaOfKey(at, key), schema)?.["default"];
}

function versionOf(config: unknown): unknown {
  return (config as { general?: { software_version?: unknown } } | null)?.general?.software_version;
}

/** A key that is left out and has no default that is known here counts as different from any value, also from null. */
function changesAt(pattern: string, current: unknown, received: unknown, defaultOf: DefaultOf): string[] {
  const before = new Map(placesOf(pattern, current).map(({ name, value }) => [name, value]));
  const after = new Map(placesOf(pattern, received).map(({ name, value }) => [name, value]));
  const [list, rest] = pattern.split("[]");
  const elements = rest === undefined ? [] : placesOf(`${list}[]`, received).map(({ name }) => name);
  const isRemoved = (name: string) =>
    rest !== undefined && !elements.some((element) => name.startsWith(element));
  const meant = (values: Map<string, unknown>, name: string) =>
    values.has(name) ? values.get(name) : defaultOf(name);
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) =>
    !isRemoved(name) && !sameValue(meant(before, name), meant(after, name))
  );
}
