// Runs in: main thread.
import type {
  BackendLine,
  BackendRegistry,
  ProcedureLine,
  ProcedureRegistry,
  WorkerPermissions,
} from "../../shared/registry.ts";
import { type Entry, isObject, isSame } from "./entries.ts";
import { formatPath } from "../../shared/faults.ts";
import { placesOf } from "./named_places.ts";

/** What says where an entry's secrets go. */
export interface DestinationRules {
  backends: BackendRegistry;
  procedures: ProcedureRegistry;
}

/** One thing that decides where an entry's secrets go, and its value. */
export interface Aspect {
  /** For people: a path in the entry, or "permissions". */
  name: string;
  before: unknown;
  after: unknown;
}

/** Settings that say where something goes, by their names, where a registry's line does not tell. */
const TELLING_NAME =
  /host|port|url|uri|addr|server|broker|endpoint|domain|proxy|gateway|tls|ssl|cert|secure|verify|scheme|protocol|socket|webhook|recipient|(^|_)(ip|ca|to|target)(_|$)/i;

/** The aspects of an entry's destination in which two versions of it differ. */
export function changedDestination(before: Entry, after: Entry, rules: DestinationRules): Aspect[] {
  const [one, other] = [aspectsOf(before, rules), aspectsOf(after, rules)];
  return [...new Set([...one.keys(), ...other.keys()])]
    .map((name) => ({ name, before: one.get(name), after: other.get(name) }))
    .filter(({ before, after }) => !isSame(before, after));
}

/** Also what a permission is built from counts, since the permissions do. */
function aspectsOf(entry: Entry, rules: DestinationRules): Map<string, unknown> {
  const { list, kind, value } = entry;
  const line = list === undefined ? undefined : lineOf(rules[list], kind);
  const aspects = new Map<string, unknown>(
    (line?.destination ?? []).map((path) => [path, placesOf(path, value)[0]?.value]),
  );
  if (line?.destination === undefined) addTelling(value, [], aspects);
  if (list === "backends") aspects.set("provider", kind);
  if (line !== undefined) aspects.set("permissions", permissionsOf(line, settingsOf(value)));
  return aspects;
}

function lineOf(
  registry: Record<string, BackendLine | ProcedureLine>,
  kind: string | undefined,
): BackendLine | ProcedureLine | undefined {
  return kind !== undefined && Object.hasOwn(registry, kind) ? registry[kind] : undefined;
}

/** Everything below a telling name, and every address, wherever it stands. */
function addTelling(value: unknown, path: (string | number)[], aspects: Map<string, unknown>): void {
  const isTelling = TELLING_NAME.test(String(path.at(-1) ?? ""));
  if (isTelling || (typeof value === "string" && value.includes("://"))) {
    aspects.set(formatPath(path), value);
  } else if (typeof value === "object" && value !== null) {
    const items = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, item] of items) addTelling(item, [...path, key], aspects);
  }
}

/** As the worker would get them; settings of a wrong shape grant nothing. */
function permissionsOf(
  line: BackendLine | ProcedureLine,
  settings: Record<string, unknown>,
): WorkerPermissions | null {
  try {
    return line.permissions(settings);
  } catch {
    return null;
  }
}

function settingsOf(value: unknown): Record<string, unknown> {
  if (!isObject(value)) return {};
  const { name: _name, provider: _provider, configures: _configures, enabled: _enabled, ...settings } = value;
  return settings;
}
