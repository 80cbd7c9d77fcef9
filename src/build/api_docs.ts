// Runs in: build time.
import { fromFileUrl } from "@std/path";
import { complaint, runCommand } from "./command.ts";

const HELP = `The reference of what procedures, backends and registries import, as web pages.

Usage: deno task docs [--check]

  --check   writes nothing: fails when something is not documented

Example: deno task docs
`;

/** What a user of the template imports, with what it is for. */
const API: Record<string, string> = {
  "src/runtime/procedure.ts": "what a procedure imports: defineProcedure and all that it works with",
  "src/runtime/backend.ts": "what a backend imports: defineBackend, links, parcels",
  "src/shared/registry.ts":
    "lines of procedures/registry.ts and src/backends/registry.ts: permissions, devices, limits",
  "src/shared/state.ts": "what all procedures share",
  "src/shared/message.ts": "what one line of a daily file holds",
};

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
  modules?: Record<string, string>;
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
  const findings = await lintDocs(Object.keys(modules));
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

async function writePages(modules: Record<string, string>, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const result = await runCommand(
    [
      Deno.execPath(),
      "doc",
      "--quiet",
      "--html",
      "--name=Ivy",
      `--output=${folder}`,
      ...Object.keys(modules),
    ],
    { cwd: PROJECT },
  );
  if (!result.success) throw new Error(complaint(result));
  await Deno.writeTextFile(`${folder}/index.html`, firstPage(modules));
}

/** Deno's own first page leads to a few symbols and to none of the modules. */
function firstPage(modules: Record<string, string>): string {
  const rows = Object.entries(modules).map(([path, purpose]) =>
    `<li><a href="${path.replace(/^src\//, "./")}/index.html">${path}</a>: ${purpose}</li>`
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Ivy: reference</title>
<style>body { font: 16px/1.6 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }</style>
<h1>Ivy: reference</h1>
<ul>
${rows.join("\n")}
</ul>
<p><a href="./all_symbols.html">All symbols</a></p>
</html>
`;
}

if (import.meta.main) {
  const say = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  if (!await makeDocs(Deno.args, say)) Deno.exitCode = 1;
}
