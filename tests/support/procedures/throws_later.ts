// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Opens a valve, measures three times, fails; its teardown must close the valve. */
export default defineProcedure({
  name: "throws_later",
  config: z.strictObject({}),
  setup: ({ logger }) => logger.info("valve opened"),
  async run({ every, messages }) {
    let count = 0;
    for await (const _tick of every(0.05)) {
      await messages.data({ before_failure: ++count });
      if (count === 3) throw new Error("broken later");
    }
  },
  async teardown({ logger, messages }) {
    await messages.data({ valve: "closed" });
    logger.info("valve closed");
  },
});
