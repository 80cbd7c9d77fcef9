// Runs in: main thread.
import { formatPath } from "../../shared/faults.ts";
import { REDACTED, shownText } from "../../shared/secrets.ts";
import { counterpart } from "./entries.ts";
import { nameOf } from "./named_places.ts";

type Path = (string | number)[];

/** A received configuration with its secrets in place. */
export interface KeptSecrets {
  config: unknown;
  /** Where the present value was put in. */
  kept: Path[];
  /** Where there is no present value. */
  missing: string[];
}

/**
 * A received configuration with the present value wherever it has the sign for a secret, because who wrote it has only
 * seen the sign. Backends are matched by name.
 */
export function keepSecrets(received: unknown, current: unknown): KeptSecrets {
  const found: Omit<KeptSecrets, "config"> = { kept: [], missing: [] };
  const walk = (value: unknown, present: unknown, path: Path): unknown => {
    if (typeof value === "string" && value.includes(REDACTED)) return keepText(value, present, path, found);
    if (Array.isArray(value)) {
      const names = value.map(nameOf);
      const isRepeated = (index: number) =>
        // whoever borrows a name gets nothing for it
        names[index] !== undefined && names.indexOf(names[index]) < index;
      return value.map((item, index) => {
        const before = isRepeated(index) ? undefined : counterpart(item, index, present);
        return walk(item, before, [...path, index]);
      });
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        walk(item, counterpart(item, key, present), [...path, key]),
      ]),
    );
  };
  return { config: walk(received, current, []), ...found };
}

/** The sign itself, or an address in which it hides a part. */
function keepText(
  value: string,
  present: unknown,
  path: Path,
  { kept, missing }: Omit<KeptSecrets, "config">,
): unknown {
  const isShown = typeof present === "string" && shownText(present) === value;
  if (value !== REDACTED && !isShown) {
    if (value.includes("://")) missing.push(formatPath(path));
    return value;
  }
  if (present === undefined || present === null) missing.push(formatPath(path));
  else kept.push(path);
  return present;
}
