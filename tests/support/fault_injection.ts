// Runs in: tests.

/** Calls that change files, or make changes survive. */
export const WRITING_CALLS = [
  "openat",
  "write",
  "pwrite64",
  "writev",
  "pwritev",
  "fsync",
  "fdatasync",
  "ftruncate",
  "rename",
  "renameat",
  "renameat2",
  "symlink",
  "symlinkat",
  "unlink",
  "unlinkat",
  "mkdir",
] as const;

/** What happens to the n-th call of a kind. strace counts each thread for itself. */
export interface Injection {
  call: string;
  /** The n-th call of a thread; with `isLasting` also all that follow. */
  when: number;
  fault: "EIO" | "ENOSPC" | "SIGKILL";
  isLasting?: boolean;
}

export interface Traced {
  stdout: string;
  code: number;
  /** strace's log. */
  trace: string;
}

/** Runs a program under strace, which sees only calls that concern `paths`. */
export async function runTraced(
  program: readonly string[],
  paths: string[],
  injection?: Injection,
): Promise<Traced> {
  const calls = injection === undefined ? WRITING_CALLS.join(",") : injection.call;
  const options = ["-e", `trace=${calls}`, ...paths.flatMap((path) => ["-P", path])];
  if (injection !== undefined) options.push("-e", `inject=${formatInjection(injection)}`);
  if (injection?.fault !== "SIGKILL") options.push("--seccomp-bpf"); // faster, but strace 6.1 sends no signals then
  return await strace(options, program);
}

/** Runs a program under strace, which logs every call of some kinds with all that is written. */
export async function runRecorded(
  program: readonly string[],
  calls: readonly string[],
  injection?: Injection,
): Promise<Traced> {
  const options = ["-y", "-xx", "-s", "100000000", "-e", `trace=${calls.join(",")}`];
  if (injection !== undefined) options.push("-e", `inject=${formatInjection(injection)}`);
  return await strace(options, program);
}

/** How often the busiest thread makes each call. */
export function countCalls(trace: string): Map<string, number> {
  const perThread = new Map<string, number>();
  for (const [, thread] of trace.matchAll(/^(\d+ +\w+)\(/gm)) {
    perThread.set(thread!, (perThread.get(thread!) ?? 0) + 1);
  }
  const counts = new Map<string, number>();
  for (const [thread, count] of perThread) {
    const call = thread.split(/ +/)[1]!;
    counts.set(call, Math.max(counts.get(call) ?? 0, count));
  }
  return counts;
}

/** True when the fault has happened. */
export function hasStruck({ trace, code }: Traced): boolean {
  return trace.includes("(INJECTED)") || code === 137;
}

function formatInjection({ call, when, fault, isLasting = false }: Injection): string {
  const effect = fault === "SIGKILL" ? "signal=SIGKILL" : `error=${fault}`;
  return `${call}:${effect}:when=${when}${isLasting ? "+" : ""}`;
}

async function strace(options: string[], program: readonly string[]): Promise<Traced> {
  const log = await Deno.makeTempFile({ prefix: "ivy-strace-" });
  const output = await new Deno.Command("strace", {
    args: ["-f", "-qq", "-o", log, "-e", "signal=none", ...options, ...program],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const trace = await Deno.readTextFile(log);
  await Deno.remove(log);
  return { stdout: new TextDecoder().decode(output.stdout), code: output.code, trace };
}
