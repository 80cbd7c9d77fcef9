// Runs in: build time.

/** What a finished program left behind. */
export interface CommandResult {
  success: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end and keeps what it printed, without colours.
 *
 * @param options.timeoutMs milliseconds after which it is sent SIGTERM; by default never
 */
export async function runCommand(
  [program, ...args]: [string, ...string[]],
  options: { cwd?: string; env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<CommandResult> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { NO_COLOR: "1", ...options.env },
    ...(options.timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(options.timeoutMs) }),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What a failed Deno says, without the empty stack trace that it adds. */
export function complaint({ stderr }: CommandResult): string {
  return stderr.replace(/\n+Stack backtrace:[^]*$/, "").trim();
}
