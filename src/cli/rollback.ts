// Runs in: main thread.
import { requestAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { exists, pathsOf } from "../agent/paths.ts";
import { takeRunLock } from "../agent/run_lock.ts";
import { rollBack } from "../agent/updater/roll_back.ts";
import type { CommandContext } from "./command.ts";

/** `ivy rollback`: back to the version before, whether the agent runs or not. */
export default async function rollback({ out, root }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const response = await requestAgent(paths.socket, "POST", "/v1/rollback");
  if (response !== undefined) {
    const answer = await response.json();
    if (!response.ok) throw new CommandError(answer.error);
    out.print(`back to Ivy ${answer.version}, which takes over now`);
    return EXIT.done;
  }
  if (!exists(paths.current)) {
    throw new CommandError(`there is no node at ${root}; create one with: ivy init --root ${root}`);
  }
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) throw new CommandError(`the agent on ${root} is just starting or ending`);
  try {
    out.print(`back to Ivy ${rollBack(paths)}; start it with: ivy start --root ${root}`);
  } finally {
    taken.lock.release();
  }
  return EXIT.done;
}
