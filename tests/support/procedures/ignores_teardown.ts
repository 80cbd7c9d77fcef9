// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Measures on, whatever it is told. */
export default defineProcedure({
  name: "ignores_teardown",
  config: z.strictObject({}),
  async run({ messages, logger }) {
    logger.info("nobody stops me");
    for (let count = 1;; count++) {
      await messages.data({ unstoppable: count });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
  teardown: ({ logger }) => logger.info("closing the valve of ignores_teardown"),
});
