// Runs in: tests.
import { join } from "@std/path";
import { ProgramSizeError } from "../../src/build/size.ts";
import { sentenceOf } from "../../src/shared/errors.ts";

/** Programs that tests use, with the Debian package that brings each. */
export const PACKAGES = {
  "chromium": "chromium",
  "faketime": "faketime",
  "git": "git",
  "mosquitto": "mosquitto",
  "promtool": "prometheus",
  "ser2net": "ser2net",
  "strace": "strace",
  "qemu-aarch64-static": "qemu-user-static",
  "systemd-analyze": "systemd",
  "socat": "socat",
  "scmp_sys_resolver": "seccomp",
  "script": "bsdutils",
  "zsh": "zsh",
  "fish": "fish",
} as const;

export type Program = keyof typeof PACKAGES;

/** Debian puts daemons where the PATH of a user who is not root does not look. */
const FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * For tests that need a program of Debian: `Deno.test({ name, ignore: needs("mosquitto") !== undefined, fn })`.
 * `tests/run.ts` installs what is missing where it may.
 *
 * @returns nothing when the program is there, else why the tests are skipped and what to do about it
 */
export function needs(program: Program): string | undefined {
  if (findProgram(program) !== undefined) return undefined;
  return skipBecause(`${program} is missing: ${installCommand([program])}`);
}

/** @returns the path of a program, or nothing when this machine lacks it */
export function findProgram(program: Program): string | undefined {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...FOLDERS];
  return folders.map((folder) => join(folder, program)).find(isFile);
}

/**
 * Notes a reason for the list at the end of the test run.
 *
 * @returns the reason
 */
export function skipBecause(reason: string): string {
  const list = Deno.env.get("IVY_TEST_SKIPS");
  if (list !== undefined) Deno.writeTextFileSync(list, `${reason}\n`, { append: true });
  return reason;
}

/** Waits for what a test needs from elsewhere; where it cannot be had, notes the reason and gives nothing. @throws our own faults */
export async function orSkip<T>(wanted: Promise<T>): Promise<T | undefined> {
  try {
    return await wanted;
  } catch (error) {
    if (error instanceof ProgramSizeError) throw error;
    skipBecause(sentenceOf(error));
    return undefined;
  }
}

/** The command that brings the programs, as a user types it. */
export function installCommand(programs: Program[]): string {
  return ["sudo", ...installArguments(programs)].join(" ");
}

/** The same for root. */
export function installArguments(programs: Program[]): [string, ...string[]] {
  const packages = new Set(programs.map((program) => PACKAGES[program]));
  return ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
