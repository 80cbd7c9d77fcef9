// Runs in: build time.
import { dirname, join } from "@std/path";
import { ignoreMissing } from "./files.ts";

/** What the build reads from a `deno.json`. */
export interface DenoJson {
  version?: string;
  unstable?: string[];
}

/** The folder whose `deno.json` rules a source file, and the parsed file. */
export interface Project {
  root: string;
  configFile: string;
  config: DenoJson;
}

/**
 * Walks up from a source file to the nearest `deno.json`.
 *
 * @throws {Error} when there is none
 */
export async function findProject(file: string): Promise<Project> {
  for (let root = dirname(file);; root = dirname(root)) {
    const configFile = join(root, "deno.json");
    const text = await Deno.readTextFile(configFile).catch(ignoreMissing);
    if (text !== undefined) return { root, configFile, config: JSON.parse(text) as DenoJson };
    if (root === dirname(root)) throw new Error(`${file}: no deno.json in its folder or above`);
  }
}
