// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Tells the others by the shared state that the machine is as loaded as a file says. */
export default defineProcedure({
  name: "raises_load",
  config: z.strictObject({ file: z.string() }),
  async run({ config, every, messages, state }) {
    for await (const _tick of every(0.05)) {
      const load = Number(Deno.readTextFileSync(config.file));
      await state.update((draft) => {
        draft.system.load_per_core = load;
        draft.overloaded = load > 2;
      });
      await messages.data({ load });
    }
  },
});
