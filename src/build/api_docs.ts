// Runs in: build time.
import { fromFileUrl } from "@std/path";
import { complaint, runCommand } from "./command.ts";

const HELP = `The reference of what procedures, backends and registries import, as web pages.

Usage: deno task docs [--check]

  --check   writes nothing: fails when something is not documented

Example: deno task docs
`;

/** What a user of the template imports. */
export const API = [
  "src/runtime/procedure.ts",
  "src/runtime/backend.ts",
  "src/shared/registry.ts",
  "src/shared/message.ts",
  "src/shared/state.ts",
];

const PROJECT = fromFileUrl(new URL("../../", import.meta.url));

/** Types of zod are documented by zod; Deno counts them as private to us. */
const OF_ZOD = /references private type '(Zod\w+|output)'/;

/**
 * What `deno doc --lint` finds in modules: symbols without a comment, without a type, or that name types which cannot
 * be imported.
 *
 * @throws {Error} when Deno could not look
 */
export async function lintDocs(modules: string[]): Promise<string[]> {
  const result = await runCommand([Deno.execPath(), "doc", "--lint", ...modules], { cwd: PROJECT });
  if (result.success) return [];
  const findings = result.stderr.split(/\n\n\n/).filter((part) => /^error\[/.test(part.trim()));
  if (findings.length === 0) throw new Error(complaint(result));
  return findings.filter((finding) => !OF_ZOD.test(finding)).map((finding) => finding.trim());
}

/** Where the pages go, and of what. */
export interface DocsOptions {
  modules?: string[];
  folder?: string;
}

/**
 * Does what the command line says.
 *
 * @returns whether all is documented
 * @throws {Error} with what Deno said
 */
export async function makeDocs(
  args: string[],
  say: (line: string) => void,
  { modules = API, folder = `${PROJECT}dist/docs` }: DocsOptions = {},
): Promise<boolean> {
  if (args.includes("--help")) {
    say(HELP.trimEnd());
    return true;
  }
  const findings = await lintDocs(modules);
  for (const finding of findings) say(`${finding}\n`);
  if (findings.length > 0) {
    say(`${findings.length} public symbols are not documented as they should be`);
    return false;
  }
  if (args.includes("--check")) return true;
  await writePages(modules, folder);
  say(`${folder}/index.html`);
  return true;
}

async function writePages(modules: string[], folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const result = await runCommand(
    [Deno.execPath(), "doc", "--quiet", "--html", "--name=Ivy", `--output=${folder}`, ...modules],
    { cwd: PROJECT },
  );
  if (!result.success) throw new Error(complaint(result));
}

if (import.meta.main) {
  const say = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  if (!await makeDocs(Deno.args, say)) Deno.exitCode = 1;
}
