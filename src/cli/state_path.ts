// Runs in: main thread.
import { CommandError } from "../agent/errors.ts";
import { formatPath } from "../shared/faults.ts";
import { didYouMean } from "../shared/nearest.ts";
import { alignColumns, paint } from "./output.ts";

/** A place in the state or the configuration and what is there, as text. */
export type Leaf = [path: string, text: string];

/**
 * The value at a path such as `system.load_5m` or `readings[0]`; the whole without one.
 *
 * @param name Names the whole in the error.
 * @throws {CommandError} when there is nothing at the path.
 */
export function valueAt(whole: unknown, path: string | undefined, name = "the state"): unknown {
  const keys = (path ?? "").split(/[.[\]]+/).filter((key) => key !== "");
  return keys.reduce((value, key, index) => {
    const known = keysOf(value);
    if (known.includes(key)) return (value as Record<string, unknown>)[key];
    const place = index === 0 ? name : formatPath(keys.slice(0, index));
    throw new CommandError(`${place} has no "${key}"${describeContent(value, key, known)}`);
  }, whole);
}

function describeContent(value: unknown, key: string, known: string[]): string {
  if (Array.isArray(value)) return `; it is a list of ${value.length}`;
  return `${didYouMean(key, known)}; it has ${known.join(", ") || JSON.stringify(value)}`;
}

/** Everything that is no list or object, and what is empty. */
export function leavesOf(value: unknown, path = ""): Leaf[] {
  const keys = keysOf(value);
  if (keys.length === 0) return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  const pathOf = (key: string) =>
    Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
  return keys.flatMap((key) => leavesOf((value as Record<string, unknown>)[key], pathOf(key)));
}

/** The lines that show a value: a single one alone, of more each with its path. */
export function showValue(value: unknown, path: string | undefined): string[] {
  return showLeaves(leavesOf(value, path), path);
}

/** The same for some of the leaves. */
export function showLeaves(leaves: Leaf[], path: string | undefined): string[] {
  const [only] = leaves;
  if (only !== undefined && only[0] === path) return [only[1]];
  return alignColumns(leaves.map(([at, text]) => [paint.dim(at), text]));
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
