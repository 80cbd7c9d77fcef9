// Runs in: main thread.
import { dirname } from "@std/path";
import { CommandError, EXIT } from "../errors.ts";
import { exists } from "../paths.ts";
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

/** Everything in the root belongs to the user. */
export function ownerStep(machine: Machine, user: string, root: string): Step {
  return {
    goal: `everything in ${root} belongs to ${user}`,
    how: `chown -R ${user}: ${root}`,
    async isSo() {
      if (!exists(root) || await findAccount(machine, user) === undefined) return false;
      const { success, stdout } = await machine.run(["find", root, "!", "-user", user, "-print", "-quit"]);
      return success && stdout === "";
    },
    bringAbout: async () =>
      void await mustRun(machine, ["chown", "-R", "--no-dereference", `${user}:`, root]),
  };
}

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
