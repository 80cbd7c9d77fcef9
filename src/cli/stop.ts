// Runs in: main thread.
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { pathsOf } from "../agent/paths.ts";
import { lockIsFree, runningPid } from "../agent/run_lock.ts";
import type { CommandContext } from "./command.ts";

/** A little more than the agent gives its procedures. */
const STOP_LIMIT_MS = 40_000;
/** After this long, say what is being waited for. */
const PATIENCE_MS = 1500;

/** `ivy stop`: ends the agent and waits until it has ended; fine when none runs. */
export default async function stop(
  { out, root }: CommandContext,
  limitMs = STOP_LIMIT_MS,
): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const pid = await runningPid(paths);
  if (pid === undefined) {
    out.print(`Ivy does not run on ${root}`);
    return EXIT.done;
  }
  askToEnd(pid);
  const timer = setTimeout(() => out.note("ivy: waiting for the procedures to tear down…"), PATIENCE_MS);
  const ended = await lockIsFree(paths, limitMs);
  clearTimeout(timer);
  if (!ended) {
    throw new CommandError(
      `PID ${pid} did not end within ${limitMs / 1000} s; end it with: kill -9 ${pid}`,
    );
  }
  out.print(`Ivy has stopped (PID ${pid})`);
  return EXIT.done;
}

function askToEnd(pid: number): void {
  try {
    Deno.kill(pid, "SIGTERM");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // it has ended just now
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new CommandError(
      `PID ${pid} runs as another user; end it as that user, or with: sudo kill ${pid}`,
    );
  }
}
