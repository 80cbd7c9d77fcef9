// Runs in: main thread.
import type { Machine } from "../service/machine.ts";
import type { Surroundings } from "./finding.ts";

/** A program that hangs (a dead disk, a mount without its server) must not hang the doctor, in seconds. */
const LIMIT_SECONDS = "10";

/** This machine, as far as this user may look. */
export function realSurroundings({ run }: Pick<Machine, "run">): Surroundings {
  return {
    read(path) {
      try {
        return Deno.readTextFileSync(path);
      } catch {
        return undefined;
      }
    },
    async ask(command) {
      const { success, stdout } = await run(["timeout", LIMIT_SECONDS, ...command]);
      return success ? stdout : undefined;
    },
  };
}
