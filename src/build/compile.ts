// Runs in: build time.
import { relative } from "@std/path";
import { sentenceOf } from "../shared/errors.ts";
import { bundle } from "./bundle.ts";
import { writeExecutable } from "./executable.ts";
import { megabytes } from "./size.ts";
import { type CompileOptions, HELP, parseOptions } from "./options.ts";

/**
 * Bundles and compiles; says on stderr what it does.
 *
 * @throws {Error} with a sentence that says what to do
 */
export async function compile(options: CompileOptions, denort: string | undefined): Promise<void> {
  const workFolder = await Deno.makeTempDir({ prefix: "ivy-compile-" });
  try {
    const { entry, version, output, target, compiler } = options;
    const bundled = await bundle({ entry, workFolder, ...(version === undefined ? {} : { version }) });
    say(`Bundled 1 program and ${bundled.entries.length} entries: ${megabytes(bundled.sizeBytes)} to embed.`);
    await writeExecutable({ bundle: bundled, output, target, compiler, denort });
    say(`Wrote ${relative(Deno.cwd(), output)}: ${megabytes((await Deno.stat(output)).size)}.`);
  } finally {
    await Deno.remove(workFolder, { recursive: true });
  }
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  if (options === "help") Deno.stdout.writeSync(new TextEncoder().encode(HELP));
  else await compile(options, Deno.env.get("DENORT_BIN"));
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    say(`compile: ${sentenceOf(error)}`);
    Deno.exitCode = 1;
  });
}
