// Runs in: tests.
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { filesBelow } from "../../src/build/files.ts";
import type { LocalModule, ModuleImport } from "../../src/build/graph.ts";
import { entryLiterals, findProgram, isCode } from "../../src/build/program.ts";
import { ENTRIES, MAY_EXIT, RESERVED, type Room, ROOMS } from "./rules.ts";

/**
 * Compares the project with the rules: every module that `main.ts` reaches, workers included, and every file
 * below `src` and `procedures` whether reached or not.
 *
 * @param root absolute path of the project
 * @returns one sentence per violation, with file, line and rule
 */
export async function findViolations(root: string): Promise<string[]> {
  const { modules } = await findProgram(await sourceFiles(root), join(root, "deno.json"));
  const violations: string[] = [];
  for (const module of modules) {
    const path = relative(root, module.path);
    const room = roomOf(path);
    if (room === undefined) violations.push(`${path} is in no room: tests/support/rules.ts lists the rooms`);
    else violations.push(...await checkModule(module, path, room, root));
  }
  return violations;
}

async function sourceFiles(root: string): Promise<string[]> {
  const files = [join(root, "main.ts")];
  for (const folder of ["src", "procedures"]) {
    for await (const path of filesBelow(join(root, folder))) if (/\.[jt]s$/.test(path)) files.push(path);
  }
  return files;
}

async function checkModule(module: LocalModule, path: string, room: Room, root: string): Promise<string[]> {
  const imports = module.imports.map((entry) => checkImport(entry, path, room, root));
  const source = isCode(module) ? await Deno.readTextFile(module.path) : "";
  const others = isCode(module) ? [checkThread(source, path, room), checkExit(source, path, room)] : [];
  const entries = entryLiterals(source, path).map(({ specifier }) => checkEntry(specifier, path));
  return [...imports, ...others, ...entries].filter((violation) => violation !== undefined);
}

function checkImport(entry: ModuleImport, path: string, room: Room, root: string): string | undefined {
  const isLocal = entry.target.startsWith("file:");
  const fault = isLocal
    ? localFault(relative(root, fromFileUrl(entry.target)), room)
    : externalFault(entry.specifier, path, room);
  return fault === undefined ? undefined : `${path}:${entry.line} imports "${entry.specifier}", but ${fault}`;
}

function localFault(target: string, room: Room): string | undefined {
  const targetRoom = roomOf(target);
  if (targetRoom === room || room.local.some((allowed) => isIn(targetRoom?.path ?? target, allowed))) return;
  const allowed = [room.path, ...room.local].join(", ");
  return `${room.path} may import from ${allowed} only: ${room.reason}`;
}

function externalFault(specifier: string, path: string, room: Room): string | undefined {
  const name = packageName(specifier);
  const reserved = RESERVED.get(name);
  if (
    reserved !== undefined && !reserved.rooms.some((allowed) => isIn(path, allowed)) && room.path !== "tests"
  ) {
    return `only ${reserved.rooms.join(" and ")} may: ${reserved.reason}`;
  }
  if (name.startsWith("node:") || room.external.some((pattern) => matches(name, pattern))) return;
  const allowed = room.external.length === 0 ? "no package" : `${room.external.join(", ")} only`;
  return `${room.path} may import ${allowed}: ${room.reason}`;
}

/** `npm:@scope/name@1.2.3/file.js` → `@scope/name`. */
function packageName(specifier: string): string {
  return /^(?:npm:|jsr:)?\/?((?:@[^/]+\/)?[^/@]+)/.exec(specifier)?.[1] ?? specifier;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function checkThread(source: string, path: string, { threads, path: room }: Room): string | undefined {
  const lines = threads?.map((thread) => `// Runs in: ${thread}.`) ?? [];
  if (threads === undefined || lines.some((line) => source.startsWith(`${line}\n`))) return;
  return `${path}:1 must say "${lines.join('" or "')}", as every module of ${room} does`;
}

function checkExit(source: string, path: string, room: Room): string | undefined {
  if (
    room.path === "tests" || MAY_EXIT.includes(path) || !/^(?!\s*(\/\/|\/?\*)).*\bDeno\.exit\(/m.test(source)
  ) return;
  return `${path} calls Deno.exit, but only ${
    MAY_EXIT.join(", ")
  } may: everything else returns, so teardown is never skipped`;
}

function checkEntry(specifier: string, path: string): string | undefined {
  const rule = ENTRIES.find(({ from }) => isIn(path, from));
  const target = join(dirname(path), specifier);
  if (rule === undefined) {
    return `${path} names the module "${specifier}" by URL, but only ${
      ENTRIES.map(({ from }) => from).join(", ")
    } may`;
  }
  if (rule.to.some((folder) => isIn(target, folder))) return;
  return `${path} names the module "${specifier}" by URL, but may name those in ${
    rule.to.join(", ")
  } only: ${rule.reason}`;
}

function roomOf(path: string): Room | undefined {
  return ROOMS.filter((room) => isIn(path, room.path)).sort((a, b) => b.path.length - a.path.length)[0];
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
