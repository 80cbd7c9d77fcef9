// Runs in: main thread.
import { checkConfig } from "../agent/config_check.ts";
import { ConfigError } from "../agent/configuration.ts";
import { CommandError, type ExitStatus } from "../agent/errors.ts";
import { pathsOf, refuseOtherVersion } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import type { CommandContext } from "./command.ts";
import start from "./start.ts";
import stop from "./stop.ts";

/** `ivy restart`: an agent that runs is not ended for a configuration that would keep it from starting again. */
export default async function restart(context: CommandContext): Promise<ExitStatus> {
  if (await runningPid(pathsOf(context.root)) !== undefined) await refuseBadConfig(context);
  await stop(context);
  return await start(context);
}

async function refuseBadConfig({ root, parts, environment }: CommandContext): Promise<void> {
  const paths = pathsOf(root);
  refuseOtherVersion(paths);
  try {
    await checkConfig(paths.configFile, {
      ...await parts(),
      paths,
      environment,
      mustBoot: false,
      mayBeEarlier: true,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(`${error.message}\nThe agent was not restarted and runs on`, error.exitStatus);
  }
}
