// Runs in: build time.
import { dirname, fromFileUrl, toFileUrl } from "@std/path";
import { complaint, runCommand } from "./command.ts";

/** One import of a module, type-only ones included. */
export interface ModuleImport {
  /** As the source says it. */
  specifier: string;
  /** What it means: a `file:`, `npm:`, `node:` … URL. */
  target: string;
  /** Counted from 1. */
  line: number;
}

/** A file of the project that takes part in a program. */
export interface LocalModule {
  path: string;
  imports: ModuleImport[];
}

interface Resolution {
  specifier?: string;
  error?: string;
  span?: { start: { line: number } };
}

interface InfoModule {
  specifier: string;
  error?: string;
  dependencies?: { specifier: string; code?: Resolution; type?: Resolution }[];
}

/**
 * The local modules that the roots reach by static and literal dynamic imports, the roots included; everything
 * that `deno info` sees, so text and JSON imports too. Workers are not seen: see `program.ts`.
 *
 * @param roots absolute paths of modules
 * @param configFile absolute path of the `deno.json` that maps the imports
 * @throws {Error} when an import cannot be resolved
 */
export async function moduleGraph(roots: Iterable<string>, configFile: string): Promise<LocalModule[]> {
  const allRoots = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = [...roots].map((root) => `import ${JSON.stringify(toFileUrl(root).href)};\n`);
    await Deno.writeTextFile(allRoots, imports.join(""));
    const modules = await denoInfo(allRoots, configFile);
    return modules.filter(({ specifier }) => specifier !== toFileUrl(allRoots).href);
  } finally {
    await Deno.remove(allRoots);
  }
}

/** @throws {Error} */
async function denoInfo(file: string, configFile: string): Promise<(LocalModule & { specifier: string })[]> {
  const command: [string, ...string[]] = [Deno.execPath(), "info", "--json", "--config", configFile, file];
  const result = await runCommand(command);
  if (!result.success) throw new Error(`deno info failed: ${complaint(result)}`);
  const { modules } = JSON.parse(result.stdout) as { modules: InfoModule[] };
  const broken = modules.find(({ error }) => error !== undefined);
  if (broken !== undefined) throw new Error(`${namedBy(broken, modules)}: ${broken.error}`);
  const local = modules.filter(({ specifier }) => specifier.startsWith("file:"));
  const project = toFileUrl(dirname(configFile)).href;
  const foreign = local.find(({ specifier }) => {
    return specifier !== toFileUrl(file).href && !specifier.startsWith(`${project}/`);
  });
  if (foreign !== undefined) {
    const [importer, path] = [namedBy(foreign, modules), fromFileUrl(foreign.specifier)];
    throw new Error(
      `${importer} imports ${path}, which lies outside the project: its content would be compiled in`,
    );
  }
  return local.map(localModule);
}

/** The first module that imports another one. */
function namedBy({ specifier }: InfoModule, modules: InfoModule[]): string {
  const importer = modules.find(({ dependencies = [] }) => {
    return dependencies.some(({ code, type }) =>
      code?.specifier === specifier || type?.specifier === specifier
    );
  });
  return fromFileUrl((importer ?? modules[0]!).specifier);
}

function localModule(module: InfoModule): LocalModule & { specifier: string } {
  const path = fromFileUrl(module.specifier);
  const imports = (module.dependencies ?? []).map((dependency) => {
    const { specifier: target, error, span } = dependency.code ?? dependency.type ?? {};
    const line = (span?.start.line ?? 0) + 1;
    if (target === undefined) {
      throw new Error(
        `${path}:${line} imports "${dependency.specifier}", which leads nowhere: ${error ?? "unresolved"}`,
      );
    }
    return { specifier: dependency.specifier, target, line };
  });
  return { path, imports, specifier: module.specifier };
}
