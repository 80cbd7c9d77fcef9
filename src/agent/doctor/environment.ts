// Runs in: main thread.

/**
 * The environment that a running agent was started with, since it holds what its configuration refers to and a person's
 * shell does not have; empty where this user may not see it.
 *
 * @param pid null = no agent runs.
 */
export function environmentOfAgent(pid: number | null): Record<string, string> {
  if (pid === null) return {};
  try {
    const lines = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").filter((line) =>
      line.includes("=")
    );
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  } catch {
    return {};
  }
}
