// Runs in: build time.
import { dirname } from "@std/path";
import { filesBelow } from "./files.ts";
import { runCommand } from "./command.ts";

/** When everything that is embedded was last changed, as far as the binary says: the first day that ZIP files know. */
const MODIFIED = new Date(Date.UTC(1980, 0, 1));

/**
 * Takes out of a bundle who built it, where and when: two builds of the same sources are equal byte by byte, and a
 * binary does not carry its builder's folders.
 */
export async function makeAnonymous(folder: string): Promise<void> {
  const cache = await packageCache();
  for await (const path of filesBelow(folder)) {
    const text = await Deno.readTextFile(path);
    const anonymous = text.replaceAll(cache, "npm/");
    if (anonymous !== text) await Deno.writeTextFile(path, anonymous);
    await Deno.utime(path, MODIFIED, MODIFIED);
  }
}

/** The bundler names each module by its path, relative or not: all that stands before the name of the package. */
async function packageCache(): Promise<RegExp> {
  const { stdout } = await runCommand([Deno.execPath(), "info", "--json"]);
  const { npmCache } = JSON.parse(stdout) as { npmCache: string };
  const folder = dirname(`${npmCache}/x`).replace(/^\//, "").replaceAll(/[^\w/-]/g, "\\$&");
  return new RegExp(`(\\.\\./)*/?${folder}/[^/"\\s]+/`, "g");
}
