// Runs in: main thread.
import { fromFileUrl } from "@std/path";

/** The words that start this program again: the binary, or Deno with the same entry file. */
export function programCommand(): [program: string, ...args: string[]] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", fromFileUrl(Deno.mainModule)];
}
