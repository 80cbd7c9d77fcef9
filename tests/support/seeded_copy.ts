// Runs in: tests.
import { dirname, fromFileUrl, join } from "@std/path";
import { copyFolder } from "./scratch.ts";

const PROJECT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));
/** All that a proof loads. */
const FOLDERS = ["src", "config", "procedures", "tests/support", "tests/store"];

/** A change of one place in the sources that should make a proof fail. */
export interface Seed {
  file: string;
  /** Must be there exactly once. */
  pattern: string;
  replacement: string;
}

/** A proof, and how thorough it is to be. */
export interface ProofRun {
  file: string;
  /** Only tests whose names have this text. */
  filter: string;
  env: Record<string, string>;
}

/** A copy of the project that can be spoilt. */
export class SeededCopy implements AsyncDisposable {
  #folder = Deno.makeTempDirSync({ prefix: "ivy-seeded-" });

  async make(seeds: Seed[]): Promise<this> {
    for (const folder of FOLDERS) await copyFolder(join(PROJECT, folder), join(this.#folder, folder));
    for (const file of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(join(PROJECT, file), join(this.#folder, file));
    }
    for (const seed of seeds) this.#plant(seed);
    return this;
  }

  /** @returns whether it passed, and all that it printed. */
  async prove({ file, filter, env }: ProofRun): Promise<{ hasPassed: boolean; output: string }> {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "--no-check", "--allow-all", "--filter", filter, join(this.#folder, file)],
      cwd: this.#folder,
      env: { ...env, NO_COLOR: "1", IVY_NIGHTLY: "" },
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    if (/ 0 passed \| 0 failed/.test(output)) {
      throw new Error(`no test of ${file} has "${filter}" in its name`);
    }
    return { hasPassed: success, output };
  }

  /** @throws when the sources have changed so that the seed no longer fits. */
  #plant({ file, pattern, replacement }: Seed): void {
    const path = join(this.#folder, file);
    const parts = Deno.readTextFileSync(path).split(pattern);
    if (parts.length !== 2) {
      throw new Error(`${file} has ${parts.length - 1} places like this one, expected 1: ${pattern}`);
    }
    Deno.writeTextFileSync(path, parts.join(replacement));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
