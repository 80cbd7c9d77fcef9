// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";
import { tryDoors } from "../doors.ts";

/** Tries what a worker may not do, and logs what came of it; under the name that its worker has. */
export default defineProcedure({
  name: globalThis.name,
  config: z.strictObject({ data: z.string().default("/data"), folder: z.string().optional() }),
  async run({ config, logger, signal }) {
    logger.info(`doors ${JSON.stringify(await tryDoors(config.data))}`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
});
