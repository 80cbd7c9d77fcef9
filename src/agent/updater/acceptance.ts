// Runs in: main thread.
import { withLimit } from "../../shared/time.ts";
import { programCommand } from "../program.ts";
import { cutText } from "../../shared/text.ts";

/** How long the acceptance tests may take, in milliseconds. */
const LIMIT_MS = 300_000;
const MAX_REASON_LENGTH = 2000;

/**
 * Runs the acceptance tests with a configuration, as a program of its own (`ivy test`), while the agent measures on.
 *
 * @returns what failed; undefined when nothing did.
 */
export async function runAcceptanceTests(
  options: { root: string; configFile: string; environment: Record<string, string> },
  [program, ...args] = programCommand(),
  limitMs = LIMIT_MS,
): Promise<string | undefined> {
  const child = new Deno.Command(program, {
    args: [...args, "test", "--config", options.configFile, "--root", options.root],
    env: { ...options.environment, NO_COLOR: "1" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = await withLimit(child.output(), limitMs, undefined);
  if (ended === undefined) {
    child.kill("SIGKILL");
    return `the acceptance tests were not over within ${limitMs / 1000} s`;
  }
  if (ended.success) return undefined;
  const text = new TextDecoder().decode(new Uint8Array([...ended.stdout, ...ended.stderr]));
  return cutText(`acceptance tests failed: ${failuresIn(text)}`, MAX_REASON_LENGTH);
}

/** The names of failed tests with what they say; the whole output when no test got so far. */
function failuresIn(output: string): string {
  const failures = output.split(/^(?=[✓✗] )/m).filter((part) => part.startsWith("✗ "));
  const text = failures.length === 0 ? output : failures.join("");
  return text.trim().replaceAll(/\s*\n\s*/g, "; ").replace(/; \d+ passed.*$/, "");
}
