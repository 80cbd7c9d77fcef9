// Runs in: main thread.
import { askAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { type Paths, pathsOf } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import { readSavedState } from "../agent/saved_state.ts";
import type { StateAnswer } from "../agent/state_routes.ts";
import { stateFields } from "../shared/state.ts";
import { formatDuration } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { showValue, valueAt } from "./state_path.ts";
import { watchState } from "./state_watch.ts";

/** `ivy state [PATH]`, `ivy state watch [PATH]`: the shared state, live while the agent runs. */
export default async function state({ out, root, args, flags }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const json = flags["json"] === true;
  const [first, second] = args;
  if (first === "watch") return await watchState({ paths, path: second, json, out });
  if (second !== undefined) {
    throw new CommandError(`state: "${second}" is one word too many; see: ivy help state`, EXIT.wrongUsage);
  }
  const found = await readState(paths);
  const value = valueAt(found.state, first);
  if (json) out.json({ live: found.live, age_seconds: found.ageSeconds, path: first ?? null, value });
  else {
    if (!found.live) out.note(describeAge(found.ageSeconds));
    showValue(value, first).forEach((line) => out.print(line));
  }
  return EXIT.done;
}

export interface FoundState {
  live: boolean;
  /** How long ago it was saved; null when it is live, or not known. */
  ageSeconds: number | null;
  state: Record<string, unknown>;
}

/**
 * The shared state: live, else as it was saved last.
 *
 * @throws {CommandError} when there is neither.
 */
export async function readState(paths: Paths): Promise<FoundState> {
  return await readLive(paths) ?? await readSnapshot(paths);
}

async function readLive({ socket }: Paths): Promise<FoundState | undefined> {
  const answer = await askAgent<StateAnswer>(socket, "GET", "/v1/state");
  return answer && { live: true, ageSeconds: null, state: answer.state };
}

async function readSnapshot(paths: Paths): Promise<FoundState> {
  const pid = await runningPid(paths);
  if (pid !== undefined) {
    throw new CommandError(
      `PID ${pid} runs on ${paths.root} but does not answer: it starts or ends just now, or it hangs`,
    );
  }
  const saved = await readSavedState(paths.stateFile, stateFields);
  if (saved === undefined) throw notRunning(paths, " and no state was saved there");
  const ageSeconds = saved.savedMs === null ? null : Math.round((Date.now() - saved.savedMs) / 1000);
  return { live: false, ageSeconds, state: saved.state };
}

function describeAge(ageSeconds: number | null): string {
  const age = ageSeconds === null ? "before" : `${formatDuration(ageSeconds * 1000)} ago`;
  return `ivy: Ivy does not run; this is the state as it was saved ${age}`;
}

/** The error for what needs a running agent, or something it has left. */
export function notRunning({ root }: Paths, more = ""): CommandError {
  return new CommandError(
    `Ivy does not run on ${root}${more}; start it with: ivy start --root ${root}`,
    EXIT.notRunning,
  );
}
