// Runs in: main thread.
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import { pathsOf } from "../agent/paths.ts";
import { cronUninstallSteps } from "../agent/service/cron.ts";
import { uninstallSteps } from "../agent/service/install.ts";
import { syncMachine, thisMachine } from "../agent/service/machine.ts";
import { removeRootsProgramStep } from "../agent/service/roots_program.ts";
import { takeSteps } from "../agent/service/steps.ts";
import type { CommandContext } from "./command.ts";
import { checkRights } from "./install.ts";

/** `ivy uninstall [--user NAME] [--cron] [--dry-run]`: the node is no service any more; its folder and user stay. */
export default async function uninstall(
  { out, root, flags, environment }: CommandContext,
): Promise<ExitStatus> {
  const machine = thisMachine(environment);
  const dryRun = flags["dry-run"] === true;
  const user = flags["user"] as string | undefined;
  const isCron = flags["cron"] === true;
  if (!dryRun) checkRights(machine, { isCron, user });
  const { launcher } = pathsOf(root);
  const steps = isCron
    ? [
      ...cronUninstallSteps({ machine, launcher, user }),
      ...(user === undefined ? [] : [removeRootsProgramStep(machine)]),
    ]
    : await uninstallSteps(machine);
  const changes = await takeSteps(steps, {
    dryRun,
    settle: () => syncMachine(machine),
    say: (line) => out.print(line),
  });
  if (changes === 0) out.print("nothing had to be changed");
  return EXIT.done;
}
