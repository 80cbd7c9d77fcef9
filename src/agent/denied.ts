// Runs in: main thread.
import { type ErrorReport, errorSentence } from "../shared/errors.ts";

/**
 * The sentence of an error; where a permission was denied, also which one and the line to edit.
 *
 * @param line Names the line of the registry, for example `random_walk` in `procedures/registry.ts`.
 */
export function explainDenied(error: ErrorReport, line: { name: string; file: string }): string {
  const denied = findDenied(error);
  if (denied === undefined) return errorSentence(error);
  const [, permission, what] = denied;
  return `was denied the permission "${permission}"${what === undefined ? "" : ` for ${what}`}; ` +
    `if it needs that, grant it in the line "${line.name}" of ${line.file}`;
}

/** Deno writes: Requires read access to "/etc/passwd", run again with the --allow-read flag. */
function findDenied(error: ErrorReport): RegExpExecArray | undefined {
  const found = /Requires (\w+) access(?: to ("[^"]*"|<[^>]*>))?/.exec(error.message);
  if (found !== null && /NotCapable|PermissionDenied/.test(error.name + error.message)) return found;
  return error.cause === undefined ? undefined : findDenied(error.cause);
}
