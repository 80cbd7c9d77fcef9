// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Logs 10,000 lines as fast as it can, then one now and then. */
export default defineProcedure({
  name: "floods_log",
  config: z.strictObject({}),
  async run({ every, logger }) {
    for (let line = 1; line <= 10_000; line++) logger.warning(`flood ${line} of 10000`);
    for await (const { timeMs } of every(1)) logger.info(`after the flood, at ${timeMs}`);
  },
});
