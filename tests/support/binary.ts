// Runs in: tests.
import { join, relative, resolve } from "@std/path";
import { bundle } from "../../src/build/bundle.ts";
import { writeExecutable } from "../../src/build/executable.ts";
import { filesBelow, ignoreMissing } from "../../src/build/files.ts";
import { sentenceOf } from "../../src/shared/errors.ts";
import { cached, cacheFolder } from "./cache.ts";
import { testRuntime } from "./denort.ts";

/** Binaries of this age, counted from their last use, are removed: each has 86 MB. */
const MAX_AGE_MS = 24 * 3_600_000;

/**
 * A compiled program, as a user would copy it to a node. The same sources are compiled once only.
 *
 * @param options.entry the module that starts; default `main.ts`
 * @param options.version what it calls itself; default the version in `deno.json`
 * @returns the absolute path of the binary; do not change that file
 * @throws {Error} in one sentence when this machine cannot compile
 */
export async function compiledIvy(options: { entry?: string; version?: string } = {}): Promise<string> {
  const runtime = await testRuntime();
  const workFolder = await Deno.makeTempDir({ prefix: "ivy-binary-" });
  try {
    const { entry = "main.ts", version } = options;
    const bundled = await bundle({
      entry: resolve(entry),
      workFolder,
      ...(version === undefined ? {} : { version }),
    });
    const compiler = await Deno.readTextFile(new URL("../../src/build/executable.ts", import.meta.url));
    const key = await hashFolder(bundled.folder, JSON.stringify(runtime) + compiler);
    const binary = await cached(
      join("binaries", key),
      (output) => writeExecutable({ bundle: bundled, output, ...runtime }),
    );
    await Deno.utime(binary, new Date(), new Date());
    await removeOld(join(cacheFolder(), "binaries"));
    return binary;
  } finally {
    await Deno.remove(workFolder, { recursive: true });
  }
}

async function hashFolder(folder: string, salt: string): Promise<string> {
  const texts = [salt];
  for await (const path of filesBelow(folder)) {
    texts.push(`${relative(folder, path)}\n${await Deno.readTextFile(path)}`);
  }
  const bytes = new TextEncoder().encode(texts.sort().join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}

async function removeOld(folder: string): Promise<void> {
  for await (const path of filesBelow(folder)) {
    const file = await Deno.stat(path).catch(ignoreMissing);
    const ageMs = Date.now() - (file?.mtime ?? new Date()).getTime();
    if (ageMs > MAX_AGE_MS) await Deno.remove(path).catch(ignoreMissing);
  }
}

if (import.meta.main) {
  const line = await compiledIvy().catch((error: unknown) => {
    Deno.exitCode = 1;
    return `binary: ${sentenceOf(error)}`;
  });
  (Deno.exitCode === 0 ? Deno.stdout : Deno.stderr).writeSync(new TextEncoder().encode(`${line}\n`));
}
