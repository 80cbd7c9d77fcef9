// Runs in: main thread.
import { requestAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import type { Paths } from "../agent/paths.ts";
import type { StateAnswer } from "../agent/state_routes.ts";
import type { Output } from "./output.ts";
import { leavesOf, showLeaves, valueAt } from "./state_path.ts";

export interface WatchOptions {
  paths: Paths;
  /** What to watch; default: everything. */
  path: string | undefined;
  /** One line of JSON per change. */
  json: boolean;
  out: Output;
}

/**
 * Prints what there is at the path, then what changes there, until the process or the agent ends.
 *
 * @throws {CommandError} when the agent does not run, or there is nothing at the path.
 */
export async function watchState({ paths, path, json, out }: WatchOptions): Promise<ExitStatus> {
  const response = await requestAgent(paths.socket, "GET", "/v1/state/watch");
  if (response === undefined) {
    throw new CommandError(
      `Ivy does not run on ${paths.root}, and only a running one can be watched`,
      EXIT.notRunning,
    );
  }
  let before = new Map<string, string>();
  for await (const { sequence, state } of answersOf(response)) {
    const value = valueAt(state, path);
    const leaves = leavesOf(value, path);
    const changed = leaves.filter(([at, text]) => before.get(at) !== text);
    if (changed.length === 0 && before.size === leaves.length) continue;
    if (json) out.print(JSON.stringify({ sequence, path: path ?? null, value }));
    else showLeaves(changed, path).forEach((line) => out.print(line));
    if (out.isClosed) return EXIT.done;
    before = new Map(leaves);
  }
  out.note("ivy: the agent has ended");
  return EXIT.notRunning;
}

async function* answersOf(response: Response): AsyncGenerator<StateAnswer, void, void> {
  let rest = "";
  try {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line);
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // the agent was killed
  }
}
