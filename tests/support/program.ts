// Runs in: tests.
import { fromFileUrl } from "@std/path";
import { compiledIvy } from "./binary.ts";

/** The words that start a program; a command line follows. */
export type Program = readonly [string, ...string[]];

/** True when the tests run against a compiled binary. */
export const isCompiled: boolean = binary() !== undefined;

/** The Ivy that ships: `$IVY_BINARY`, else the sources. */
export function shippedIvy(): Program {
  const compiled = binary();
  return compiled === undefined ? fromSource("../../main.ts") : [compiled];
}

/** Ivy with the procedures of `tests/support/procedures`; compiled as well when `$IVY_BINARY` is set. */
export async function misbehavingIvy(): Promise<Program> {
  const entry = "./misbehaving_main.ts";
  if (!isCompiled) return fromSource(entry);
  return [await compiledIvy({ entry: fromFileUrl(new URL(entry, import.meta.url)) })];
}

function fromSource(entry: string): Program {
  const path = fromFileUrl(new URL(entry, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--allow-all", path];
}

function binary(): string | undefined {
  return Deno.env.get("IVY_BINARY") || undefined;
}
