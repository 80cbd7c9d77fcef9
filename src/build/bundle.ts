// Runs in: build time.
import { common, dirname, join, relative } from "@std/path";
import { makeAnonymous } from "./anonymous.ts";
import { complaint, runCommand } from "./command.ts";
import { ignoreMissing } from "./files.ts";
import { copyWithMarks, replaceMarks } from "./marks.ts";
import { findProgram } from "./program.ts";
import { checkSize } from "./size.ts";
import { findProject, type Project } from "./project.ts";

/** A program as plain JavaScript, ready for `deno compile`. */
export interface Bundle {
  /** Absolute path; holds nothing but the program and a `deno.json` with its unstable features. */
  folder: string;
  /** Paths in `folder`: the module that starts, and the modules that are entered by URL. */
  main: string;
  entries: string[];
  /** All of the program's files together. */
  sizeBytes: number;
}

export interface BundleOptions {
  /** Absolute path of the module that starts. */
  entry: string;
  /** An empty folder; what is left there belongs to the caller. */
  workFolder: string;
  /** Stands in for the version in `deno.json`. */
  version?: string;
}

/**
 * Bundles a program and every worker that it names by `import.meta.resolve("./x.ts")`. Shared code becomes shared
 * chunks, so it is stored once. Nothing is minified: a stack trace from the field shows real names.
 *
 * @throws {Error} when an import leads nowhere or leaves the project, or the program is too big
 */
export async function bundle({ entry, workFolder, version }: BundleOptions): Promise<Bundle> {
  const project = await findProject(entry);
  const program = await findProgram([entry], project.configFile);
  const sources = join(workFolder, "sources");
  const folder = join(workFolder, "bundle");
  await copyWithMarks({ program, root: project.root, target: sources });
  await writeConfig(project, sources, version);

  const starts = [...new Set([entry, ...program.entries.keys()])].map((path) => relative(project.root, path));
  await runBundler(sources, folder, starts);
  const outputs = outputPaths(starts);
  await replaceMarks(folder, outputs);
  const { unstable = [] } = project.config;
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ unstable }));
  const sizeBytes = await makeAnonymous(folder);
  checkSize(sizeBytes);

  const [main, ...entries] = starts.map((start) => outputs.get(start)!);
  return { folder, main: main!, entries, sizeBytes };
}

async function writeConfig(
  { root, configFile, config }: Project,
  sources: string,
  version?: string,
): Promise<void> {
  const changed = version === undefined ? config : { ...config, version };
  await Deno.writeTextFile(join(sources, relative(root, configFile)), JSON.stringify(changed));
  await Deno.copyFile(join(root, "deno.lock"), join(sources, "deno.lock")).catch(ignoreMissing);
}

/** @throws {Error} with what the bundler says */
async function runBundler(sources: string, folder: string, starts: string[]): Promise<void> {
  const options = ["--quiet", "--platform", "deno", "--code-splitting", "--outdir", folder];
  const result = await runCommand([Deno.execPath(), "bundle", ...options, ...starts], { cwd: sources });
  if (!result.success) throw new Error(`deno bundle failed: ${complaint(result)}`);
}

/** Where the bundler puts each start: below the folder that all of them have in common. */
function outputPaths(starts: string[]): Map<string, string> {
  const folders = starts.map((start) => `./${dirname(start)}/`);
  const base = folders.length === 1 ? folders[0]! : common(folders);
  return new Map(starts.map((start) => [start, relative(base, start).replace(/\.\w+$/, ".js")]));
}
