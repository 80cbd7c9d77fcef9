// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Its failure is a promise that nobody awaits. */
export default defineProcedure({
  name: "rejects_unnoticed",
  config: z.strictObject({}),
  async run({ every }) {
    for await (const _tick of every(0.1)) void Promise.reject(new Error("nobody awaits this"));
  },
  teardown: ({ logger }) => logger.info("torn down after the rejection"),
});
