// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import { CommandError } from "../errors.ts";

/** How a program of the system ended. */
export interface ProgramEnd {
  success: boolean;
  stdout: string;
  stderr: string;
}

/** What `ivy install` puts there, and people call as root. */
export const ROOTS_LAUNCHER = "/usr/local/bin/ivy";

/** What installing a service touches outside the root; tests pass one of their own. */
export interface Machine {
  /** Where the administrator's units are. */
  unitFolder: string;
  /** Root's own copy of Ivy, and the script that people call as root. */
  rootsProgram: string;
  rootsLauncher: string;
  /** True when systemd runs this machine. */
  hasSystemd: boolean;
  /** True when this process may change the system. */
  isAdministrator: boolean;
  /** Runs a program of the system to its end; one that is missing ends without success. */
  run(command: readonly [string, ...string[]], input?: string): Promise<ProgramEnd>;
}

/** @param environment `$SYSTEMD_UNIT_PATH` names another folder for the unit, as it does for systemctl. */
export function thisMachine(environment: Record<string, string>): Machine {
  return {
    unitFolder: environment["SYSTEMD_UNIT_PATH"]?.split(":")[0] || "/etc/systemd/system",
    rootsProgram: "/usr/local/lib/ivy/ivy",
    rootsLauncher: ROOTS_LAUNCHER,
    hasSystemd: isFolder("/run/systemd/system"), // the test of sd_booted(3)
    isAdministrator: Deno.uid() === 0,
    run: runProgram,
  };
}

/**
 * Runs a program that has to succeed.
 *
 * @returns what it printed.
 * @throws {CommandError} with the program's own words.
 */
export async function mustRun(
  machine: Pick<Machine, "run">,
  command: [string, ...string[]],
  input?: string,
): Promise<string> {
  const { success, stdout, stderr } = await machine.run(command, input);
  if (!success) throw new CommandError(`${command.join(" ")} failed: ${stderr.trim() || "it said nothing"}`);
  return stdout;
}

/** Makes all that programs of the system have changed survive a power cut: which files that are, only they know. */
export async function syncMachine(machine: Pick<Machine, "run">): Promise<void> {
  await mustRun(machine, ["sync"]);
}

async function runProgram(
  [program, ...args]: readonly [string, ...string[]],
  input?: string,
): Promise<ProgramEnd> {
  try {
    await using child = new Deno.Command(program, {
      args,
      env: { LC_ALL: "C.UTF-8" },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (input !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input)).catch(() => {}); // one that does not read says why below
      await writer.close().catch(() => {});
    }
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    return { success: false, stdout: "", stderr: sentenceOf(error) };
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
