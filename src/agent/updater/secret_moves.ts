// Runs in: main thread.
import { referenceIn } from "../../shared/secrets.ts";
import { formatPath } from "../../shared/faults.ts";
import { changedDestination, type DestinationRules } from "./destination.ts";
import { counterpart, entriesOf, type Entry, isObject, isSame } from "./entries.ts";
import { findPlaces } from "./named_places.ts";
import { isTrusted } from "./trusted.ts";

type Path = (string | number)[];

export interface SecretMovesOptions extends DestinationRules {
  /** The configuration in use. */
  current: unknown;
  /** The received one, secrets in place, and where they were put in. */
  config: unknown;
  kept: Path[];
  /** Whether the server of a backend of this name has given out credentials that are kept on the node. */
  hasCredentials: (backend: string) => boolean;
}

/** What a received configuration would do with secrets that it does not bring. */
export interface SecretMoves {
  /** Sentences: which secrets would go to another destination than theirs. */
  refusals: string[];
  /** The configuration, in which a backend that goes elsewhere with secrets of its own may be called by nobody. */
  config: unknown;
}

/**
 * A secret belongs to its destination. Who configures a node remotely sees no secret, and must not make the node send
 * one to another address: not by `"•••"`, not by a reference, not by credentials that a server has given out.
 */
export function secretMoves(options: SecretMovesOptions): SecretMoves {
  const { current, config, kept, hasCredentials } = options;
  const present = new Map(entriesOf(current).map((entry) => [entry.name, entry]));
  const trusted = (current as { general?: { trusted_destinations?: unknown } } | null)?.general
    ?.trusted_destinations;
  const refusals: string[] = [];
  const moved: Entry[] = [];
  for (const entry of entriesOf(config)) {
    const before = present.get(entry.name);
    const isGivenOut = entry.list === "backends" && hasCredentials(nameIn(entry));
    if (before === undefined) {
      if (isGivenOut) refusals.push(`${entry.name}: a server gave out credentials under this name before`);
      continue;
    }
    const aspects = changedDestination(before, entry, options);
    if (aspects.length === 0 || isTrusted(aspects, trusted)) continue;
    moved.push(entry);
    const why = `its destination changes (${aspects.map(({ name }) => name).join(", ")})`;
    if (isGivenOut) refusals.push(`${entry.name}: ${why}, and it has credentials from its server`);
    const isKept = kept.some((path) => entry.path.every((step, index) => path[index] === step));
    if (isKept || findPlaces(entry.value, (value) => referenceIn(value) !== undefined).length > 0) {
      refusals.push(`${entry.name}: ${why}, and it brings no secrets of its own`);
    }
  }
  return { refusals, config: moved.reduce(withoutCalls, config) };
}

/** `backends[NAME]` or `backends[NAME again, at 2]`. */
function nameIn({ name }: Entry): string {
  return name.slice("backends[".length, -1).replace(/ again, at \d+$/, "");
}

/** A server that has come in place of another has not been allowed any calls. */
function withoutCalls(config: unknown, { list, path }: Entry): unknown {
  if (list !== "backends") return config;
  const { backends, ...others } = config as { backends: unknown[] };
  const changed = backends.map((entry, index) => {
    if (index !== path[1] || !isObject(entry) || !isObject(entry["rpc"])) return entry;
    return { ...entry, rpc: { ...entry["rpc"], allow: [] } };
  });
  return { ...others, backends: changed };
}

/**
 * References that do not stand in the same place now. One that moves is new: it would go to somebody else.
 *
 * @param isForeign It is for a version of this program that may read references otherwise, so what only looks like one
 * counts as well.
 */
export function newReferences(current: unknown, config: unknown, isForeign: boolean): string[] {
  const present = new Map(entriesOf(current).map((entry) => [entry.name, entry.value]));
  const walk = (value: unknown, before: unknown, path: Path): Path[] => {
    if (typeof value !== "object" || value === null) return [];
    if (referenceIn(value) !== undefined) return isSame(before, value) ? [] : [path];
    if (isForeign && likenesses(value).some(([key, text]) => counterpart(text, key, before) !== text)) {
      return [path];
    }
    const items: [string | number, unknown][] = Array.isArray(value)
      ? [...value.entries()]
      : Object.entries(value);
    return items.flatMap(([key, item]) => walk(item, counterpart(item, key, before), [...path, key]));
  };
  return entriesOf(config).flatMap(({ name, path, value }) =>
    walk(value, present.get(name), path).map((found) =>
      found.length === path.length ? name : `${name}${formatRest(found.slice(path.length))}`
    )
  );
}

/** Keys that make another version take an object for a reference, whatever stands beside them. */
function likenesses(value: object): [string, unknown][] {
  return Object.entries(value).filter(([key, text]) => /^(env|file)$/i.test(key) && typeof text === "string");
}

function formatRest(path: Path): string {
  const [first] = path;
  return typeof first === "number" ? formatPath(path) : `.${formatPath(path)}`;
}
