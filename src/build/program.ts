// Runs in: build time.
import { dirname, resolve } from "@std/path";
import { type LocalModule, moduleGraph } from "./graph.ts";

/** `import.meta.resolve("./x.ts")` in a source: a module that is reached by URL only, most often a worker. */
export interface EntryLiteral {
  specifier: string;
  /** Offset of the whole expression in the source, and its length, in UTF-16 code units. */
  index: number;
  length: number;
}

/** A program: its modules, and those among them that are entered by URL. */
export interface Program {
  modules: LocalModule[];
  /** Absolute path of an entry → absolute paths of the modules that name it. */
  entries: Map<string, string[]>;
}

/**
 * The expressions `import.meta.resolve("…")` of a source whose literal is a relative path. Comments do not count.
 *
 * @throws {Error} when the argument is not a literal: nobody could know what to put into the binary
 */
export function entryLiterals(source: string, path: string): EntryLiteral[] {
  return [...source.matchAll(/import\.meta\.resolve\(\s*(?:"([^"]*)",?\s*\))?/g)]
    .filter(({ index }) => !isComment(source, index))
    .map(({ index, 0: text, 1: specifier }) => {
      if (specifier === undefined) {
        throw new Error(`${path}: import.meta.resolve needs a literal "./file.ts"`);
      }
      return { specifier, index, length: text.length };
    })
    .filter(({ specifier }) => /^\.\.?\//.test(specifier));
}

function isComment(source: string, index: number): boolean {
  const lineStart = source.lastIndexOf("\n", index - 1) + 1;
  return /^\s*(\/\/|\/?\*)/.test(source.slice(lineStart, index));
}

/**
 * Follows imports and worker entries from the roots until nothing new turns up.
 *
 * @throws {Error} when an import or an entry leads nowhere
 */
export async function findProgram(roots: string[], configFile: string): Promise<Program> {
  let entries: Program["entries"] = new Map();
  while (true) {
    const modules = await moduleGraph(new Set([...roots, ...entries.keys()]), configFile);
    const found = await findEntries(modules);
    if (found.size === entries.size) return { modules, entries };
    entries = found;
  }
}

async function findEntries(modules: LocalModule[]): Promise<Program["entries"]> {
  const entries: Program["entries"] = new Map();
  for (const { path } of modules.filter(isCode)) {
    for (const { specifier } of entryLiterals(await Deno.readTextFile(path), path)) {
      const entry = resolve(dirname(path), specifier);
      entries.set(entry, [...entries.get(entry) ?? [], path]);
    }
  }
  return entries;
}

/** Whether a local module is a script, not text or JSON. */
export function isCode({ path }: LocalModule): boolean {
  return /\.[mc]?[jt]sx?$/.test(path);
}
