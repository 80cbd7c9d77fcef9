// Runs in: tests.
import { join } from "@std/path";
import { runCommand } from "../../src/build/command.ts";

/**
 * Streams one file out of a package of the npm registry, fetched with the user's own `npm` and its settings.
 *
 * @param spec such as `deno@2.9.5`
 * @param file path in the package's archive, such as `package/deno`
 * @param use gets the file's bytes; it may stop reading early
 * @throws {Error} in one sentence
 */
export async function withNpmFile<T>(
  spec: string,
  file: string,
  use: (bytes: ReadableStream<Uint8Array>) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-npm-" });
  try {
    const archive = await npmPack(spec, folder);
    await using tar = new Deno.Command("tar", {
      args: ["-xzOf", archive, file],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    return await use(tar.stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @throws {Error} when npm is missing or cannot fetch the package */
async function npmPack(spec: string, folder: string): Promise<string> {
  const command: [string, ...string[]] = ["npm", "pack", "--silent", "--pack-destination", folder, spec];
  const { success, stdout, stderr } = await runCommand(command, { cwd: folder }).catch((error: unknown) => {
    throw new Error(`${spec} is needed from npm, and the npm command cannot be run`, { cause: error });
  });
  if (!success) throw new Error(`npm could not fetch ${spec}: ${stderr.trim().split("\n").at(-1)}`);
  return join(folder, stdout.trim().split("\n").at(-1)!);
}
