// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Never gives its thread back, and goes on talking to main meanwhile: no one may listen once it was replaced. */
export default defineProcedure({
  name: "speaks_when_replaced",
  config: z.strictObject({}),
  async run({ every, logger }) {
    for await (const _tick of every(0.1)) {
      for (let nextMs = 0, count = 0;;) {
        if (performance.now() < nextMs) continue;
        nextMs = performance.now() + 100;
        logger.info(`still here ${++count}`);
      }
    }
  },
});
