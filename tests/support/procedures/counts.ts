// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Counts, and says of each number when the store has promised to keep it. */
export default defineProcedure({
  name: "counts",
  config: z.strictObject({ at_once: z.int().default(2) }), // few enough to wait for a store in backoff
  async run({ config, every, messages, logger }) {
    let count = 0;
    for await (const _tick of every(0.02)) {
      for (let one = 0; one < config.at_once; one++) {
        const number = ++count;
        const promise = messages.data({ number });
        if (number % 10 === 0) promise.then(() => logger.debug(`acknowledged ${number}`), () => {});
      }
    }
  },
});
