// Runs in: main thread.
import { dirname, join } from "@std/path";
import { isVersion } from "../../shared/release.ts";
import { CommandError, EXIT } from "../errors.ts";
import { makeFolder } from "../files.ts";
import { actAsOwnerOf } from "../owner.ts";
import { exists, firstExisting } from "../paths.ts";
import { type Machine, mustRun } from "./machine.ts";
import type { Step } from "./steps.ts";

interface Account {
  uid: number;
  gid: number;
}

/** @throws {CommandError} for what cannot be a user's name. */
export function checkUserName(user: string): void {
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) return;
  throw new CommandError(
    `--user ${user}: expected small letters, digits, dashes and underscores`,
    EXIT.wrongUsage,
  );
}

/** A system user without a home, a password or a shell. */
export function accountStep(machine: Machine, user: string): Step {
  const command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
  command.push("--shell", "/usr/sbin/nologin", user);
  return {
    goal: `the user ${user} exists`,
    how: command.join(" "),
    isSo: async () => await findAccount(machine, user) !== undefined,
    bringAbout: async () => void await mustRun(machine, command as [string, ...string[]]),
  };
}

/**
 * The root is there and belongs to the user, as does everything in it. Of a root that was somebody else's, only what was
 * that owner's is given away: another's file there can be a second name of something elsewhere.
 */
export function ownerStep(machine: Machine, user: string, root: string): Step {
  const foreign = async () =>
    (await mustRun(machine, ["find", root, "!", "-user", user, "-print", "-quit"])).trim();
  return {
    goal: `everything in ${root} belongs to ${user}`,
    how: exists(root) ? chownCommand(user, root).join(" ") : `make ${root} and give it to ${user}`,
    isSo: async () =>
      exists(root) && await findAccount(machine, user) !== undefined && await foreign() === "",
    async bringAbout() {
      if (!exists(root)) await actAsOwnerOf(root, () => makeFolder(root)); // in a user's folder it is that user's
      await mustRun(machine, chownCommand(user, root));
      const left = await foreign();
      if (left === "") return;
      throw new CommandError(
        `${left} belongs neither to ${user} nor to whom ${root} belonged to: remove it, or give it away with: ` +
          `sudo chown -h ${user}: '${left}'; then install again. To see all such files: ` +
          `sudo find ${root} ! -user ${user}`,
      );
    },
  };
}

function chownCommand(user: string, root: string): [string, ...string[]] {
  const owner = String(Deno.lstatSync(firstExisting(root)).uid);
  return ["chown", "-R", "--no-dereference", `--from=${owner}`, `${user}:`, root];
}

/**
 * Only an empty folder, a new one or a node is given to a user: a mistyped one may be half the system.
 *
 * @throws {CommandError} for any other.
 */
export async function checkMayBeGiven(machine: Machine, user: string, root: string): Promise<void> {
  const place = firstExisting(root);
  const { uid } = Deno.statSync(place);
  const account = await findAccount(machine, user);
  if (place !== root) {
    if (uid === null || uid === 0 || uid === account?.uid || !machine.isAdministrator) return;
    throw new CommandError(
      `${place} belongs to another user, who could put something else in the place of ${root}: choose a --root ` +
        `in a folder of root's, such as /var/lib/ivy, or as --user the owner of ${place}`,
    );
  }
  const names = [...Deno.readDirSync(root)].map(({ name }) => name);
  const isNode = names.some((name) => isVersion(name) && exists(join(root, name, "config")));
  const isNew = names.every((name) => NAMES_IN_ROOT.includes(name) || isVersion(name));
  if (isNode || isNew) return;
  throw new CommandError(
    `${root} holds something else and no node of Ivy: choose an empty or a new folder as --root`,
    EXIT.wrongUsage,
  );
}

/** What else a node's folder has. */
const NAMES_IN_ROOT = ["ivy", "ivy.installing", "current", "control", "data", "staging", "lost+found"];

/**
 * A user who cannot pass through the folders above cannot work in the root.
 *
 * @throws {CommandError} that names the folder and the way out.
 */
export async function checkReach(machine: Machine, user: string, root: string): Promise<void> {
  const account = await findAccount(machine, user);
  if (account?.uid === 0) return;
  for (let folder = dirname(root); folder !== "/"; folder = dirname(folder)) {
    if (!exists(folder) || mayPass(folder, account)) continue;
    throw new CommandError(
      `${user} may not enter ${folder}, so it could not work in ${root}: choose a --root such as /var/lib/ivy, ` +
        `or as --user the owner of ${folder}, or let others pass with: chmod o+x ${folder}`,
    );
  }
}

function mayPass(folder: string, account: Account | undefined): boolean {
  const { mode, uid, gid } = Deno.statSync(folder);
  if (mode === null || (mode & 0o001) !== 0 || account === undefined && uid === null) return true;
  return account !== undefined &&
    ((uid === account.uid && (mode & 0o100) !== 0) || (gid === account.gid && (mode & 0o010) !== 0));
}

async function findAccount(machine: Machine, user: string): Promise<Account | undefined> {
  const { success, stdout } = await machine.run(["getent", "passwd", user]);
  const [, , uid, gid] = stdout.split(":");
  return success && uid !== undefined ? { uid: Number(uid), gid: Number(gid) } : undefined;
}
