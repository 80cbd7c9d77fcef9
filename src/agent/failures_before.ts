// Runs in: main thread.

/** The environment is what stays when the process is replaced by a fresh one. */
const VARIABLE = "IVY_FAILURES";

/** How often in a row each worker had failed when the agent restarted itself, by name. */
export function readFailures(environment: Record<string, string>): Record<string, number> {
  try {
    const entries = Object.entries(JSON.parse(environment[VARIABLE] ?? "{}"));
    return Object.fromEntries(
      entries.filter((entry): entry is [string, number] => Number.isInteger(entry[1])),
    );
  } catch {
    return {}; // somebody else's variable
  }
}

/** The environment for a fresh process that shall know of the failures so far. */
export function withFailures(
  { [VARIABLE]: _, ...environment }: Record<string, string>,
  failures: Record<string, number>,
): Record<string, string> {
  const some = Object.entries(failures).filter(([, count]) => count > 0);
  return some.length === 0
    ? environment
    : { ...environment, [VARIABLE]: JSON.stringify(Object.fromEntries(some)) };
}
