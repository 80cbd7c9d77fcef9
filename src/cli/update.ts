// Runs in: main thread.
import { dirname, resolve } from "@std/path";
import { requestAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { exists, pathsOf } from "../agent/paths.ts";
import type { UpdateLine, UpdateRequest } from "../agent/updater/update_routes.ts";
import type { ReleaseFacts } from "../agent/updater/updater.ts";
import type { CommandContext } from "./command.ts";

/** `ivy update VERSION|FILE`, `ivy update --check [VERSION|FILE]` */
export default async function update(context: CommandContext): Promise<ExitStatus> {
  const { args, flags, out } = context;
  const wish = wishOf(args[0]);
  if (flags["check"] === true) {
    const { version, serial, running_version: running } = await (await ask(context, "/v1/update/check", wish))
      .json() as ReleaseFacts;
    if (flags["json"] === true) out.json({ version, serial, running_version: running });
    else out.print(`release ${version} (serial ${serial}) is there and rightly signed; ${running} runs`);
    return EXIT.done;
  }
  if (args[0] === undefined) {
    throw new CommandError("update: it needs a version or a file; see: ivy help update", EXIT.wrongUsage);
  }
  return await follow(await ask(context, "/v1/update", wish), context);
}

/** A word with a folder in it, or that is a file, is a file of a release; the others lie beside it. */
function wishOf(word: string | undefined): UpdateRequest {
  if (word === undefined || word === "latest") return { version: null, folder: null };
  const isFile = word.includes("/") || (!/^\d+\.\d+\.\d+/.test(word) && exists(word));
  if (!isFile) return { version: word, folder: null };
  if (!exists(word)) throw new CommandError(`there is no ${word}`);
  const path = resolve(word);
  return { version: null, folder: Deno.statSync(path).isDirectory ? path : dirname(path) };
}

async function ask({ root }: CommandContext, path: string, wish: UpdateRequest): Promise<Response> {
  const { socket } = pathsOf(root);
  const response = await requestAgent(socket, "POST", path, { body: JSON.stringify(wish) });
  if (response === undefined) {
    throw new CommandError(
      `Ivy does not run on ${root}, and only a running agent updates itself: ivy start`,
      EXIT.notRunning,
    );
  }
  if (!response.ok) throw new CommandError((await response.json()).error);
  return response;
}

/** Shows each phase once, and how it ended. */
async function follow(response: Response, { out, root }: CommandContext): Promise<ExitStatus> {
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line) as UpdateLine;
      if ("phase" in message) out.note(`ivy: ${message.phase}`);
      else if ("error" in message) throw new CommandError(message.error);
      else if (message.outcome.kind === "interrupted") break;
      else if ("reason" in message.outcome) throw new CommandError(`not updated: ${message.outcome.reason}`);
    }
  }
  out.print(`the new version takes over, on probation; watch it with: ivy logs -f --root ${root}`);
  return EXIT.done;
}
