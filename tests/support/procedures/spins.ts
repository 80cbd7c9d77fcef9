// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Measures twice, then never gives its thread back. Once only: after a restart of the agent it behaves. */
export default defineProcedure({
  name: "spins",
  config: z.strictObject({ mark: z.string() }),
  async run({ config, every, messages }) {
    const hasSpun = wasHere(config.mark);
    let count = 0;
    for await (const _tick of every(0.1)) {
      await messages.data({ before_spin: ++count });
      if (count === 2 && !hasSpun) {
        while (true) { /* for ever */ }
      }
    }
  },
});

/** Leaves a mark. @returns whether one was there. */
function wasHere(mark: string): boolean {
  try {
    Deno.writeTextFileSync(mark, "", { createNew: true });
    return false;
  } catch {
    return true;
  }
}
