// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";
import { pause } from "../../../src/shared/time.ts";

/** Takes its time to bring its equipment into a safe state. */
export default defineProcedure({
  name: "sets_up_slowly",
  config: z.strictObject({ seconds: z.number() }),
  async setup({ config, logger, signal }) {
    logger.info("setting up");
    await pause(config.seconds * 1000, signal);
  },
  async run({ messages, signal }) {
    await messages.data({ is_set_up: true });
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
});
