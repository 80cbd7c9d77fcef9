// Runs in: tests.
import { join } from "@std/path";
import { complaint, runCommand } from "../../src/build/command.ts";
import { cached } from "./cache.ts";
import { findProgram } from "./needs.ts";
import { withNpmFile } from "./npm.ts";

/** What an arm64 Deno loads besides itself. */
const LIBRARIES = ["libc6:arm64", "libgcc-s1:arm64"];

/**
 * The running Deno's version for the Raspberry Pi's processor, run by an emulator: some 40 times slower than Deno
 * on x64. Deno comes from npm, its libraries from Debian; both are cached, nothing is installed.
 *
 * @returns the command, to be followed by Deno's arguments
 * @throws {Error} in one sentence when something cannot be had
 */
export async function arm64Deno(): Promise<[string, ...string[]]> {
  const emulator = findProgram("qemu-aarch64-static");
  if (emulator === undefined) throw new Error("qemu-aarch64-static is missing");
  const deno = await cached(`deno-arm64-${Deno.version.deno}`, fetchDeno);
  const libraries = await cached("libraries-arm64", fetchLibraries);
  return [emulator, "-L", libraries, deno];
}

async function fetchDeno(path: string): Promise<void> {
  await withNpmFile(`@deno/linux-arm64-glibc@${Deno.version.deno}`, "package/deno", async (bytes) => {
    await Deno.writeFile(path, bytes, { mode: 0o755 });
  });
}

/** Uses lists and archives of its own, so that apt's state on this machine stays what it is. */
async function fetchLibraries(path: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-arm64-" });
  try {
    const state = {
      "APT::Architectures::": "arm64",
      "Dir::State::lists": `${folder}/lists`,
      "Dir::Cache": folder,
    };
    const options = Object.entries(state).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    if (Deno.uid() === 0) options.push("-o", "APT::Sandbox::User=root"); // the folder is root's alone
    for (const part of ["lists/partial", "archives/partial"]) {
      await Deno.mkdir(join(folder, part), { recursive: true });
    }
    await check(["apt-get", ...options, "update"], folder);
    await check(["apt-get", ...options, "download", ...LIBRARIES], folder);
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".deb")) await check(["dpkg-deb", "-x", name, path], folder);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @throws {Error} with the last line that the command printed */
async function check(command: [string, ...string[]], cwd: string): Promise<void> {
  const result = await runCommand(command, { cwd });
  if (result.success) return;
  throw new Error(
    `the libraries for arm64 cannot be fetched: ${command[0]} says ${complaint(result).split("\n").at(-1)}`,
  );
}
