// Runs in: build time.
import { runCommand } from "./command.ts";

export interface RuntimeCheck {
  /** The compiled file; it is removed when it cannot work. */
  output: string;
  /** Rust's name of the platform that it is for. */
  target: string;
  denort: string | undefined;
  compiler: string | undefined;
}

/** `e_machine` in the header of an ELF file, by the first part of Rust's name of the platform. */
const MACHINES: Record<string, number> = { x86_64: 62, aarch64: 183 };

/**
 * `deno compile` embeds any runtime that `DENORT_BIN` names, even one of another processor, or of another version,
 * which then does not find its program. This finds it out before a node does.
 *
 * @throws {Error} in one sentence
 */
export async function checkRuntime(check: RuntimeCheck): Promise<void> {
  const isRightProcessor = await isFor(check.output, check.target);
  if (isRightProcessor && await findsProgram(check)) return;
  await Deno.remove(check.output);
  const wanted = `deno@${check.compiler?.split("@").at(-1) ?? Deno.version.deno}`;
  throw new Error(
    `${check.denort} is not the runtime of ${wanted} for ${check.target}: set DENORT_BIN to the denort that is`,
  );
}

async function isFor(output: string, target: string): Promise<boolean> {
  const machine = MACHINES[target.split("-")[0]!];
  if (machine === undefined || !target.includes("linux")) return true;
  using file = await Deno.open(output);
  const header = new Uint8Array(20);
  await file.read(header);
  return new DataView(header.buffer).getUint16(18, true) === machine;
}

async function findsProgram({ output, target }: RuntimeCheck): Promise<boolean> {
  if (target !== Deno.build.target) return true;
  const { stderr } = await runCommand([output, "--help"], { timeoutMs: 10_000 });
  return !stderr.includes("Could not find standalone binary section");
}
