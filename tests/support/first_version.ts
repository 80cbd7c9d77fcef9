// Runs in: tests.
import { fromFileUrl, join, relative } from "@std/path";
import { complaint, runCommand } from "../../src/build/command.ts";
import { compiledIvy } from "./binary.ts";
import { cached } from "./cache.ts";
import { PROJECT } from "./documents.ts";
import { orSkip, skipBecause } from "./needs.ts";
import { isCompiled } from "./program.ts";
import { ENTRY } from "./update_lab.ts";

/** The first version that nodes run with; its program is made from this repository's history. */
export const FIRST = { version: "0.1.0", commit: "e48860f1debe9d5807c2f884a1079babb41c23a4" } as const;

/** The sources of the first version, and its program. */
export interface FirstVersion {
  /** Folder of the whole tree. */
  tree: string;
  binary: string;
}

/**
 * The first version and the program of this one, made from the same test module of either tree.
 *
 * @returns undefined where the tests that need them are skipped, for a reason that is noted.
 */
export async function firstAndNext(): Promise<{ first: FirstVersion; next: string } | undefined> {
  const reason = isCompiled
    ? "updates compile binaries of their own: they are tested once, beside the sources"
    : await missingHistory();
  if (reason === undefined) return await orSkip(compileBoth());
  skipBecause(reason);
  return undefined;
}

async function compileBoth() {
  return { first: await compileFirst(), next: await compiledIvy({ entry: ENTRY }) };
}

async function compileFirst(): Promise<FirstVersion> {
  const entry = relative(PROJECT, ENTRY);
  const tree = await cached(join("trees", FIRST.commit), extract);
  const script = `import { compiledIvy } from "./tests/support/binary.ts";
    Deno.stdout.writeSync(new TextEncoder().encode(await compiledIvy({ entry: ${JSON.stringify(entry)} })));`;
  const made = await runCommand([Deno.execPath(), "eval", "--quiet", script], { cwd: tree });
  if (!made.success) throw new Error(`version ${FIRST.version} cannot be compiled: ${complaint(made)}`);
  return { tree, binary: made.stdout };
}

/** Why the commit cannot be had, and the command that brings it. */
async function missingHistory(): Promise<string | undefined> {
  const what = `commit ${FIRST.commit.slice(0, 7)} (version ${FIRST.version})`;
  const shallow = await git("rev-parse", "--is-shallow-repository");
  if (!shallow.success) return `${what} is not here, this folder is no git clone: git clone the repository`;
  if ((await git("cat-file", "-e", `${FIRST.commit}^{tree}`)).success) return undefined;
  const command = shallow.stdout.trim() === "true"
    ? "git fetch --unshallow"
    : `git fetch origin ${FIRST.commit}`;
  return `${what} is not in this clone's history: ${command}`;
}

async function extract(folder: string): Promise<void> {
  const archive = `${folder}.tar`;
  await Deno.mkdir(folder);
  try {
    const packed = await git("archive", `--output=${archive}`, FIRST.commit);
    if (!packed.success) {
      throw new Error(`version ${FIRST.version} cannot be unpacked: ${packed.stderr.trim()}`);
    }
    const unpacked = await runCommand(["tar", "-xf", archive, "-C", folder]);
    if (!unpacked.success) {
      throw new Error(`version ${FIRST.version} cannot be unpacked: ${unpacked.stderr.trim()}`);
    }
  } finally {
    await Deno.remove(archive).catch(() => {});
  }
}

/** The clone may belong to another user than the one who tests. */
function git(...args: string[]) {
  return runCommand(["git", "-c", "safe.directory=*", "-C", PROJECT, ...args]);
}

/** Lets the first version's own store fill the days before today. @returns the keys of the messages. */
export async function fillEarlierDays(
  { tree }: FirstVersion,
  directory: string,
  backends: string[],
): Promise<string[]> {
  const script = fromFileUrl(new URL("./earlier_days.ts", import.meta.url));
  const options = ["--quiet", "--allow-all", "--no-check", "--config", join(tree, "deno.json")];
  const filled = await runCommand([Deno.execPath(), "run", ...options, script, tree, directory, ...backends]);
  if (!filled.success) throw new Error(`earlier days cannot be made: ${complaint(filled)}`);
  return acknowledgedIn(filled.stdout);
}

/** The keys that a program says are safe, one `a KEY` a line; an unfinished last line does not count. */
export function acknowledgedIn(output: string): string[] {
  return [...output.matchAll(/^a (\S+)\n/gm)].map(([, key]) => key!);
}
