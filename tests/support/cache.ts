// Runs in: tests.
import { dirname, join } from "@std/path";
import { ignoreMissing } from "../../src/build/files.ts";

/** Where tests keep what is expensive to get: `$XDG_CACHE_HOME/ivy-tests`, else `~/.cache/ivy-tests`. */
export function cacheFolder(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/tmp", ".cache");
  return join(cache, "ivy-tests");
}

/**
 * A file or folder in the cache, made on first use. Several processes may ask at once: one makes it, the others
 * wait. What is half made (a crash, a full disk) is never seen.
 *
 * @param name path in the cache folder; whatever the content depends on must be part of it
 * @param make writes the file or folder at the path it is given
 * @returns the absolute path
 */
export async function cached(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(cacheFolder(), name);
  await Deno.mkdir(dirname(path), { recursive: true });
  using lock = await Deno.open(`${path}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(path)) return path;
  const unfinished = `${path}.unfinished`;
  await Deno.remove(unfinished, { recursive: true }).catch(ignoreMissing);
  await make(unfinished);
  await Deno.rename(unfinished, path);
  return path;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).catch(ignoreMissing) !== undefined;
}
