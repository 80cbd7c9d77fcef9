// Runs in: main thread.
import type { ExitStatus } from "../agent/errors.ts";
import type { CommandContext } from "./command.ts";
import start from "./start.ts";
import stop from "./stop.ts";

/** `ivy restart` */
export default async function restart(context: CommandContext): Promise<ExitStatus> {
  await stop(context);
  return await start(context);
}
