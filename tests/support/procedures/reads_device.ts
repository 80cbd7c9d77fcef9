// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Tells at each tick what it read from a device, or why it could not. */
export default defineProcedure({
  name: "reads_device",
  config: z.strictObject({ path: z.string() }),
  async run({ config, every, logger, devices }) {
    let index = 0;
    for await (const _tick of every(0.2)) {
      const found = await devices.read(config.path).catch((error: Error) => error.message);
      logger.info(`tick ${++index}: ${found}`);
    }
  },
});
