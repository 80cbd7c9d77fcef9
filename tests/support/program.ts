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
export function misbehavingIvy(): Promise<Program> {
  return testIvy("./misbehaving_main.ts");
}

/** The same with a plain MQTT backend that reconnects at once, and configurations that are soon accepted. */
export function backendsIvy(): Promise<Program> {
  return testIvy("./backends_main.ts");
}

/** What starts the workers that a node has only at times; they try what they may not do. */
export function doorsProgram(): Promise<Program> {
  return testIvy("./doors_main.ts");
}

async function testIvy(entry: string): Promise<Program> {
  if (!isCompiled) return fromSource(entry);
  return [await compiledIvy({ entry: fromFileUrl(new URL(entry, import.meta.url)) })];
}

function fromSource(entry: string): Program {
  const path = fromFileUrl(new URL(entry, import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", path];
}

function binary(): string | undefined {
  return Deno.env.get("IVY_BINARY") || undefined;
}
