// Runs in: build time.
import { basename, dirname, join } from "@std/path";
import { withoutDocumentation } from "./documentation.ts";
import { filesBelow } from "./files.ts";
import { runCommand } from "./command.ts";

/** When everything that is embedded was last changed, as far as the binary says: the first day that ZIP files know. */
const MODIFIED = new Date(Date.UTC(1980, 0, 1));

/**
 * Takes out of a bundle who built it, where and when: two builds of the same sources are equal byte by byte, and a
 * binary does not carry its builder's folders. Chunks are named for their modules instead of their contents, so that a
 * changed line does not change whatever imports it, and an update stays small.
 *
 * @returns the size of all files in bytes
 */
export async function makeAnonymous(folder: string): Promise<number> {
  const cache = await packageCache();
  const texts = new Map<string, string>();
  for await (const path of filesBelow(folder)) {
    texts.set(path, withoutDocumentation(await Deno.readTextFile(path)).replaceAll(cache, "npm/"));
  }
  const names = await chunkNames(texts);
  let sizeBytes = 0;
  for (const [path, text] of texts) {
    const renamed = text.replaceAll(CHUNK, (name) => names.get(name) ?? name);
    const target = join(dirname(path), names.get(basename(path)) ?? basename(path));
    await Deno.remove(path);
    await Deno.writeTextFile(target, renamed);
    await Deno.utime(target, MODIFIED, MODIFIED);
    sizeBytes += new TextEncoder().encode(renamed).length;
  }
  return sizeBytes;
}

/** The bundler's name of a chunk, which ends with a hash of its content. */
const CHUNK = /\bchunk-[A-Z0-9]{8}\.js\b/g;

/** Of each chunk by the bundler's name: one that follows from which modules are in it. */
async function chunkNames(texts: Map<string, string>): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const [path, text] of [...texts].sort(([a], [b]) => a < b ? -1 : 1)) {
    if (basename(path).match(CHUNK) === null) continue;
    const modules = (text.match(/^\/\/ \S+$/gm) ?? []).join("\n");
    let name = await chunkName(modules);
    while (taken.has(name)) name = await chunkName(name); // another one of the same modules, or of none
    taken.add(name);
    names.set(basename(path), name);
  }
  return names;
}

async function chunkName(modules: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(modules));
  return `chunk-${new Uint8Array(bytes).toHex().slice(0, 16)}.js`;
}

/** The bundler names each module by its path, relative or not: all that stands before the name of the package. */
async function packageCache(): Promise<RegExp> {
  const { stdout } = await runCommand([Deno.execPath(), "info", "--json"]);
  const { npmCache } = JSON.parse(stdout) as { npmCache: string };
  const folder = dirname(`${npmCache}/x`).replace(/^\//, "").replaceAll(/[^\w/-]/g, "\\$&");
  return new RegExp(`(\\.\\./)*/?${folder}/[^/"\\s]+/`, "g");
}
