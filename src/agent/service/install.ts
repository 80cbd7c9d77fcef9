// Runs in: main thread.
import { join } from "@std/path";
import { CommandError } from "../errors.ts";
import { readIfThere, replaceFile } from "../files.ts";
import { recordProvenVersions } from "../installed_versions.ts";
import { learnOwnSerial } from "../updater/own_serial.ts";
import { copyProgram, createDataFolder, createLayout } from "../layout.ts";
import { LAUNCHER } from "../launcher.ts";
import { actAsOwnerOf } from "../owner.ts";
import { exists, type Paths, readLauncher } from "../paths.ts";
import { holdsProgram, isProgram } from "../program_file.ts";
import { runningPid, takeRunLock } from "../run_lock.ts";
import { accountStep, checkMayBeGiven, checkReach, checkUserName, ownerStep } from "./account.ts";
import { type Machine, mustRun } from "./machine.ts";
import { ownProgram, removeRootsProgramStep, rootsProgramSteps } from "./roots_program.ts";
import type { Step } from "./steps.ts";
import { canBeService, readUnit, UNIT, unitText } from "./unit.ts";

export interface InstallOptions {
  machine: Machine;
  paths: Paths;
  user: string;
  /** What to put into the version's folder; default: the running binary. */
  binary?: string | undefined;
}

/**
 * What makes a node a service of systemd: user, root, unit, start.
 *
 * @throws {CommandError} when this cannot come about, with the way out.
 */
export async function installSteps(options: InstallOptions): Promise<Step[]> {
  const { machine, paths, user } = options;
  checkUserName(user);
  const linked = linkedFolders(paths);
  const unfit = [paths.root, ...linked].find((path) => !canBeService(path));
  if (unfit !== undefined) {
    throw new CommandError(
      `systemd starts nothing in ${unfit}: choose a --root without quotes and backslashes`,
    );
  }
  await checkReach(machine, user, paths.root);
  await checkMayBeGiven(machine, user, paths.root);
  const unitFile = join(machine.unitFolder, UNIT);
  const text = unitText({ root: paths.root, user, linked });
  const present = readIfThere(unitFile);
  if (present !== undefined && readUnit(present) === undefined) throw notOurs(unitFile);
  const isActive = (await machine.run(["systemctl", "is-active", UNIT])).success;
  if (!isActive) await actAsOwnerOf(paths.root, () => checkNobodyRuns(paths));
  const isNew = present !== text;
  return [
    accountStep(machine, user),
    ownerStep(machine, user, paths.root),
    await layoutStep(options),
    ...rootsProgramSteps(options),
    {
      goal: `${unitFile} is up to date`,
      how: `write ${unitFile}${present === undefined ? "" : ", replacing the one that is there"}`,
      isSo: () => !isNew,
      async bringAbout() {
        replaceFile(unitFile, text);
        await mustRun(machine, ["systemctl", "daemon-reload"]);
      },
    },
    {
      goal: `${UNIT} starts with the machine`,
      how: `systemctl enable ${UNIT}`,
      isSo: async () => (await machine.run(["systemctl", "is-enabled", UNIT])).success,
      bringAbout: async () => void await mustRun(machine, ["systemctl", "enable", UNIT]),
    },
    startStep(machine, isActive, isNew),
  ];
}

/**
 * Where links in the node's folder lead. The service may write there; whose these folders are is not changed, because
 * who may write to the node's folder could have put a link to anything there.
 */
function linkedFolders({ root, data, messages, logs }: Paths): string[] {
  const outside = [data, messages, logs].filter((path) => !path.startsWith(`${root}/`));
  return outside.filter((path) => path === data || !path.startsWith(`${data}/`));
}

/** What removes the service; the root and the user stay. */
export async function uninstallSteps(machine: Machine): Promise<Step[]> {
  const unitFile = join(machine.unitFolder, UNIT);
  const present = readIfThere(unitFile);
  if (present !== undefined && readUnit(present) === undefined) throw notOurs(unitFile);
  const isKnown = present !== undefined || (await machine.run(["systemctl", "is-active", UNIT])).success;
  return [
    {
      goal: `${UNIT} has ended and does not start with the machine`,
      how: `systemctl disable --now ${UNIT}`,
      isSo: () => !isKnown,
      bringAbout: async () => void await mustRun(machine, ["systemctl", "disable", "--now", UNIT]),
    },
    {
      goal: `${unitFile} is gone`,
      how: `remove ${unitFile}`,
      isSo: () => !exists(unitFile),
      async bringAbout() {
        Deno.removeSync(unitFile);
        await mustRun(machine, ["systemctl", "daemon-reload"]);
      },
    },
    removeRootsProgramStep(machine),
  ];
}

/**
 * The root with configuration, binary and launcher, as `ivy init` makes it; a damaged binary is replaced. Root does it
 * with the rights of the root's owner.
 */
export async function layoutStep({ paths, binary }: Pick<InstallOptions, "paths" | "binary">): Promise<Step> {
  const { root, launcher, configFile } = paths;
  const program = binary ?? ownProgram();
  const placed = join(program === undefined ? paths.current : paths.versionFolder, "ivy");
  const isWhole = () =>
    program === undefined ? !exists(placed) || isProgram(placed) : holdsProgram(placed, program);
  const isSo = () => exists(configFile) && readLauncher(root) === LAUNCHER && isWhole();
  const { canStart, isDamaged } = await actAsOwnerOf(root, () => ({
    canStart: program !== undefined || (readLauncher(root) !== undefined && isWhole()),
    isDamaged: exists(placed) && !isWhole(),
  }));
  if (!canStart) {
    throw new CommandError(
      `there is no ${launcher} with a whole binary to start, and Ivy runs from source: compile it with deno task ` +
        "compile, and install with the binary",
    );
  }
  return {
    goal: `${root} holds a node`,
    how: `lay out ${root} with the configuration, this binary${
      isDamaged ? ` (${placed} is damaged or another)` : ""
    } and the launcher ${launcher}`,
    isSo: () => actAsOwnerOf(root, isSo),
    bringAbout: () => actAsOwnerOf(root, () => layOut(paths, program)),
  };
}

async function layOut(paths: Paths, program: string | undefined): Promise<void> {
  createDataFolder(paths);
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) throw stillRuns(paths, taken.holder);
  try {
    layOutWithCopy(paths, program);
    await learnOwnSerial(paths, await recordProvenVersions(paths), program);
  } finally {
    taken.lock.release();
  }
}

function stillRuns({ root }: Paths, pid: number | undefined): CommandError {
  return new CommandError(
    `${root} does not hold this program, and PID ${
      pid ?? "unknown"
    } runs on it: end it with sudo systemctl stop ` +
      `${UNIT}, or ivy stop --root ${root}, then install again`,
  );
}

/** Of a copy: what somebody has copied to this machine must not become the service's by a second name. */
function layOutWithCopy(paths: Paths, program: string | undefined): void {
  if (program === undefined || holdsProgram(join(paths.versionFolder, "ivy"), program)) {
    return void createLayout(paths, program);
  }
  const copy = join(paths.root, "ivy.installing");
  try {
    copyProgram(program, copy);
    createLayout(paths, copy);
  } finally {
    if (exists(copy)) Deno.removeSync(copy);
  }
}

function startStep(machine: Machine, isActive: boolean, isNew: boolean): Step {
  const verb = isActive ? "restart" : "start";
  return {
    goal: `${UNIT} runs`,
    how: `systemctl ${verb} ${UNIT}`,
    isSo: () => isActive && !isNew,
    bringAbout: async () => void await mustRun(machine, ["systemctl", verb, "--no-block", UNIT]),
  };
}

async function checkNobodyRuns(paths: Paths): Promise<void> {
  const pid = await runningPid(paths);
  if (pid === undefined) return;
  throw new CommandError(
    `PID ${pid} runs on ${paths.root} and is not the service: end it with ivy stop --root ${paths.root}, ` +
      "then install again",
  );
}

function notOurs(unitFile: string): CommandError {
  return new CommandError(`${unitFile} was not written by ivy install: move it away first`);
}
