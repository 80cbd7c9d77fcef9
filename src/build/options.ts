// Runs in: build time.
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "@std/path";

export interface CompileOptions {
  /** Absolute paths. */
  entry: string;
  output: string;
  target?: string | undefined;
  version?: string | undefined;
  compiler?: string | undefined;
}

export const HELP = `Compiles Ivy into one executable file.

Usage: deno task compile [options]

  --output FILE      the file to write (default: dist/ivy, with --target dist/ivy-TARGET)
  --target TARGET    another platform, such as aarch64-unknown-linux-gnu (Raspberry Pi)
  --version X.Y.Z    the version it calls itself (default: that in deno.json)
  --entry FILE       the module that starts (default: main.ts)
  --compiler NAME    the Deno that compiles, from npm, such as deno@2.4.2 (default: the running one)

Environment:
  DENORT_BIN         the denort file to embed, where Deno cannot download one; it must fit the compiling Deno

Example: deno task compile --target aarch64-unknown-linux-gnu --version 1.2.0
`;

const NAMES = ["output", "target", "version", "entry", "compiler"] as const;

/**
 * @returns the options, or "help"
 * @throws {Error} when the command line is wrong
 */
export function parseOptions(args: string[]): CompileOptions | "help" {
  const given = parseArgs(args[0] === "--" ? args.slice(1) : args, {
    string: NAMES,
    boolean: ["help"],
    unknown: (argument: string) => {
      throw new Error(`unknown argument "${argument}"; --help lists what there is`);
    },
  });
  if (given.help) return "help";
  for (const name of NAMES) if (given[name] === "") throw new Error(`--${name} needs a value`);
  const { target, version, compiler } = given;
  if (version !== undefined && !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) {
    throw new Error(`--version "${version}": expected a version such as 1.2.3`);
  }
  const output = resolve(given.output ?? (target === undefined ? "dist/ivy" : `dist/ivy-${target}`));
  return { entry: resolve(given.entry ?? "main.ts"), output, target, version, compiler };
}
