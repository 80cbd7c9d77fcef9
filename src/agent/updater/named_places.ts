// Runs in: main thread.
import { formatPath } from "../../shared/faults.ts";

type Path = (string | number)[];

/** A value somewhere in a configuration. Backends are known by their names, wherever in the list they stand. */
export interface Place {
  /** For people: `backends[main].rpc`. */
  name: string;
  path: Path;
  value: unknown;
}

/**
 * Every value that a pattern means: `status_page`, `backends[].rpc`, `procedures.*.enabled`. A `*` stands for any key,
 * `[]` for any element; a `.*` at the end changes nothing, since a value is meant with all that is in it.
 */
export function placesOf(pattern: string, config: unknown): Place[] {
  const steps = pattern.replace(/\.\*$/, "").replaceAll("[]", ".[]").split(".").filter((step) => step !== "");
  let places: Place[] = [{ name: "", path: [], value: config }];
  for (const step of steps) places = places.flatMap((place) => follow(place, step));
  return places;
}

function follow(place: Place, step: string): Place[] {
  const { value } = place;
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return step === "[]" || step === "*" ? elements(place, value) : [];
  const keys = step === "*" ? Object.keys(value) : Object.hasOwn(value, step) ? [step] : [];
  return keys.map((key) => ({
    name: place.name === "" ? key : `${place.name}.${key}`,
    path: [...place.path, key],
    value: (value as Record<string, unknown>)[key],
  }));
}

function elements(place: Place, list: unknown[]): Place[] {
  const names = list.map((value, index) => String(nameOf(value) ?? index));
  return list.map((value, index) => {
    const isRepeated = names.indexOf(names[index]!) < index;
    const name = `${place.name}[${names[index]}${isRepeated ? ` again, at ${index}` : ""}]`;
    return { name, path: [...place.path, index], value };
  });
}

/** The name of a backend's entry; undefined for anything else. */
export function nameOf(entry: unknown): string | undefined {
  const { name, provider } = (entry ?? {}) as { name?: unknown; provider?: unknown };
  return typeof name === "string" ? name : typeof provider === "string" ? provider : undefined;
}

/** Every value of a configuration for which `isWanted` holds; it is not looked into. */
export function findPlaces(config: unknown, isWanted: (value: unknown) => boolean): Place[] {
  const walk = (value: unknown, path: Path): Place[] => {
    if (isWanted(value)) return [{ name: formatPath(path), path, value }];
    if (typeof value !== "object" || value === null) return [];
    const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    return entries.flatMap(([key, item]) => walk(item, [...path, key]));
  };
  return walk(config, []);
}
