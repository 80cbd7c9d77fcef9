// Runs in: main thread.
import { join } from "@std/path";
import { askAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { readIfThere } from "../agent/files.ts";
import { createDataFolder, holdsNode } from "../agent/layout.ts";
import { type Paths, pathsOf } from "../agent/paths.ts";
import { programCommand } from "../agent/program.ts";
import { lockIsFree, runningPid } from "../agent/run_lock.ts";
import type { AgentStatus } from "../agent/status.ts";
import { pause, utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";

/** How long every procedure may take to be started once, in milliseconds. */
const READY_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** `ivy start`: runs the agent in the background, in a session of its own, so that it survives the terminal. */
export default async function start({ out, root }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  if (!holdsNode(root)) {
    throw new CommandError(`there is no node at ${root}; create one with: ivy init --root ${root}`);
  }
  const pid = await runningPid(paths);
  if (pid !== undefined) {
    out.print(`Ivy runs already (PID ${pid})`);
    return EXIT.done;
  }
  for (const line of createDataFolder(paths)) out.note(`ivy: ${line}`);
  const child = spawnDetached(paths);
  const status = await waitUntilReady(paths, child);
  out.print(`Ivy runs (PID ${status.pid}); watch it with: ivy status, ivy logs -f`);
  return EXIT.done;
}

/** What the child says before its log is set up, and if it dies of the runtime, is kept in this file. */
function consoleFile(paths: Paths): string {
  return join(paths.logs, "console.log");
}

function spawnDetached(paths: Paths): Deno.ChildProcess {
  Deno.mkdirSync(paths.logs, { recursive: true });
  const [program, ...args] = programCommand();
  const script = 'console=$1; shift; exec setsid "$@" </dev/null >/dev/null 2>"$console"';
  const command = [program, ...args, "run", "--no-console", "--root", paths.root];
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", consoleFile(paths), ...command],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  child.unref();
  return child;
}

async function waitUntilReady(paths: Paths, child: Deno.ChildProcess): Promise<AgentStatus> {
  let ended: Deno.CommandStatus | undefined;
  void child.status.then((status) => ended = status);
  for (const deadlineMs = performance.now() + READY_LIMIT_MS; performance.now() < deadlineMs;) {
    const status = await askAgent<AgentStatus>(paths.socket, "GET", "/v1/status");
    const childIsDone = status?.pid === child.pid || ended !== undefined; // one that still waits for the lock is not
    if (status?.ready && childIsDone) return status;
    if (ended !== undefined && !await hasRival(paths, ended)) throw endError(paths, ended);
    await pause(LOOK_EVERY_MS);
  }
  throw new CommandError(
    `the agent was started but is not ready after ${READY_LIMIT_MS / 1000} s. The end of its log:\n${
      lastLines(join(paths.logs, `${utcDay(Date.now())}.log`))
    }`,
  );
}

/** True when the child has ended because another start was faster: then that one's agent will be ready. */
async function hasRival(paths: Paths, { code }: Deno.CommandStatus): Promise<boolean> {
  return code === EXIT.alreadyRunning && !await lockIsFree(paths, 0);
}

function endError(paths: Paths, { code }: Deno.CommandStatus): CommandError {
  return new CommandError(
    `the agent ended at once:\n${lastLines(consoleFile(paths))}`,
    code === EXIT.invalidConfiguration ? code : EXIT.failed,
  );
}

function lastLines(file: string): string {
  return (readIfThere(file) ?? "").trim().split("\n").slice(-20).join("\n");
}
