// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Says what it sees of the shared state, again and again. */
export default defineProcedure({
  name: "shows_state",
  config: z.strictObject({}),
  async run({ every, logger, state }) {
    for await (const _tick of every(0.2)) logger.debug(`overloaded: ${state.current.overloaded}`);
  },
});
