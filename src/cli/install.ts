// Runs in: main thread.
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { type Paths, pathsOf } from "../agent/paths.ts";
import {
  accountStep,
  checkMayBeGiven,
  checkReach,
  checkUserName,
  ownerStep,
} from "../agent/service/account.ts";
import { cronInstallSteps } from "../agent/service/cron.ts";
import { installSteps, layoutStep } from "../agent/service/install.ts";
import { type Machine, ROOTS_LAUNCHER, syncMachine, thisMachine } from "../agent/service/machine.ts";
import { rootsProgramSteps } from "../agent/service/roots_program.ts";
import { type Step, takeSteps } from "../agent/service/steps.ts";
import type { CommandContext } from "./command.ts";

const DEFAULT_USER = "ivy";

/** `ivy install [--user NAME] [--cron] [--dry-run]`: makes the node a service of this machine. */
export default async function install(
  { out, root, flags, environment }: CommandContext,
): Promise<ExitStatus> {
  const machine = thisMachine(environment);
  const paths = pathsOf(root);
  const dryRun = flags["dry-run"] === true;
  const user = flags["user"] as string | undefined;
  const isCron = flags["cron"] === true;
  if (!dryRun) checkRights(machine, { isCron, user });
  const steps = isCron
    ? await cronSteps(machine, paths, user)
    : await installSteps({ machine, paths, user: user ?? DEFAULT_USER });
  const changes = await takeSteps(steps, {
    dryRun,
    settle: () => syncMachine(machine),
    say: (line) => out.print(line),
  });
  if (changes === 0) out.print("nothing had to be changed");
  else if (!dryRun) nextSteps(paths, isCron).forEach((line) => out.print(line));
  return EXIT.done;
}

/** With a user, root and account are made ready for it, as for systemd. */
async function cronSteps(machine: Machine, paths: Paths, user: string | undefined): Promise<Step[]> {
  const lines = cronInstallSteps({ machine, launcher: paths.launcher, user });
  if (user === undefined) return [await layoutStep({ paths }), ...lines];
  checkUserName(user);
  await checkReach(machine, user, paths.root);
  await checkMayBeGiven(machine, user, paths.root);
  return [
    accountStep(machine, user),
    ownerStep(machine, user, paths.root),
    await layoutStep({ paths }),
    ...rootsProgramSteps({ machine, paths, user }),
    ...lines,
  ];
}

/**
 * What keeps this process from installing.
 *
 * @throws {CommandError} that names the way out.
 */
export function checkRights(
  { isAdministrator, hasSystemd }: Pick<Machine, "isAdministrator" | "hasSystemd">,
  { isCron, user }: { isCron: boolean; user: string | undefined },
): void {
  if (isCron && user === undefined) return;
  if (!isCron && !hasSystemd) {
    throw new CommandError(
      "systemd does not run this machine; let cron start Ivy instead: ivy install --cron",
    );
  }
  if (isAdministrator) return;
  throw new CommandError(
    `this changes the system, which only root may: put sudo before ${ROOTS_LAUNCHER}, or, where that is missing, ` +
      `before a binary that is yours${
        isCron ? ", or leave --user out" : ", or let your own cron start Ivy: ivy install --cron"
      }`,
  );
}

function nextSteps({ root, configFile, launcher }: Paths, isCron: boolean): string[] {
  const log = isCron ? `${launcher} logs -f` : "systemctl status ivy, journalctl -u ivy";
  return [
    "",
    `Ivy measures in ${root}. Its configuration: ${configFile}`,
    `Watch it with: ${launcher} status, ${log}`,
  ];
}
