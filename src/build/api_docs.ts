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
const FOLDER = "dist/docs";

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

/**
 * Writes the pages; `index.html` is the first.
 *
 * @throws {Error} with what Deno said
 */
export async function writePages(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const result = await runCommand(
    [Deno.execPath(), "doc", "--quiet", "--html", "--name=Ivy", `--output=${folder}`, ...API],
    { cwd: PROJECT },
  );
  if (!result.success) throw new Error(complaint(result));
}

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return say(HELP.trimEnd());
  const findings = await lintDocs(API);
  for (const finding of findings) say(`${finding}\n`);
  if (findings.length > 0) {
    say(`${findings.length} public symbols are not documented as they should be`);
    Deno.exitCode = 1;
  } else if (!Deno.args.includes("--check")) {
    await writePages(`${PROJECT}${FOLDER}`);
    say(`${FOLDER}/index.html`);
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await main();
