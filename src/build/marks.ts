// Runs in: build time.
import { dirname, join, relative, resolve } from "@std/path";
import { filesBelow } from "./files.ts";
import { entryLiterals, isCode, type Program } from "./program.ts";

const CALL = "import.meta.resolve";
const SCHEME = "entry:";

/**
 * Bundling moves modules, so `import.meta.resolve("./a.ts")` would lead elsewhere afterwards. This copies a
 * program's sources and writes `import.meta.resolve("entry:procedures/a.ts")` instead, which means the same
 * from everywhere; {@link replaceMarks} turns that into a relative path again.
 *
 * @throws {Error} when a module lies outside `root`
 */
export async function copyWithMarks(
  options: { program: Program; root: string; target: string },
): Promise<void> {
  for (const module of options.program.modules) {
    const path = relative(options.root, module.path);
    if (path.startsWith("..")) throw new Error(`${module.path} is imported but lies outside ${options.root}`);
    const copy = join(options.target, path);
    await Deno.mkdir(dirname(copy), { recursive: true });
    const source = await Deno.readTextFile(module.path);
    await Deno.writeTextFile(copy, isCode(module) ? mark(source, module.path, options.root) : source);
  }
}

function mark(source: string, path: string, root: string): string {
  let marked = "";
  let end = 0;
  for (const { specifier, index, length } of entryLiterals(source, path)) {
    const entry = relative(root, resolve(dirname(path), specifier));
    marked += `${source.slice(end, index)}${CALL}(${JSON.stringify(SCHEME + entry)})`;
    end = index + length;
  }
  return marked + source.slice(end);
}

/**
 * Replaces the marks in every bundled file by paths relative to that file.
 *
 * @param outputs path of each entry's source in the project → path of its bundled file in `folder`
 */
export async function replaceMarks(folder: string, outputs: Map<string, string>): Promise<void> {
  for await (const path of filesBelow(folder)) {
    const text = (await Deno.readTextFile(path)).replace(
      /import\.meta\.resolve\("entry:([^"]+)"\)/g,
      (_, entry: string) => `${CALL}(${JSON.stringify(urlPath(path, join(folder, outputs.get(entry)!)))})`,
    );
    await Deno.writeTextFile(path, text);
  }
}

function urlPath(from: string, to: string): string {
  return `./${relative(dirname(from), to)}`;
}
