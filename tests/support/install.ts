// Runs in: tests.
import { runCommand } from "../../src/build/command.ts";
import { findProgram, installArguments, PACKAGES, type Program } from "./needs.ts";

/**
 * Installs the Debian programs that the test files ask for by `needs("…")` and this machine lacks, when it may
 * (as root on Debian). Says so. Where that fails, the tests that need them are skipped.
 */
export async function installPrograms(testFiles: string[], say: (line: string) => void): Promise<void> {
  const missing = (await wantedPrograms(testFiles)).filter((program) => findProgram(program) === undefined);
  if (missing.length === 0 || Deno.uid() !== 0) return;
  say(`Installing ${missing.join(", ")} with apt-get …`);
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  const run = async (step: [string, ...string[]]): Promise<boolean> => {
    const { success, stderr } = await runCommand(step, { env: environment }).catch(notDebian);
    if (!success) say(`${step.join(" ")} failed: ${stderr.trim().split("\n").at(-1)}`);
    return success;
  };
  if (!await run(["apt-get", "update"]) || await run(installArguments(missing))) return;
  for (const program of missing) await run(installArguments([program])); // one that cannot be had keeps out no other
}

async function wantedPrograms(testFiles: string[]): Promise<Program[]> {
  const texts = await Promise.all(testFiles.map((file) => Deno.readTextFile(file)));
  const names = Object.keys(PACKAGES) as Program[];
  return names.filter((name) => texts.some((text) => text.includes(`needs("${name}")`)));
}

function notDebian(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  return { success: false, stderr: "there is no apt-get on this machine" };
}
