// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Measures on, whatever it is told. */
export default defineProcedure({
  name: "ignores_teardown",
  config: z.strictObject({ teardown_hangs: z.boolean().default(false) }),
  async run({ messages }) {
    for (let count = 1;; count++) {
      await messages.data({ unstoppable: count });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
  async teardown({ config, logger }) {
    logger.info("closing the valve");
    if (config.teardown_hangs) await new Promise(() => {});
  },
});
