// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

export default defineProcedure({
  name: "throws_at_once",
  config: z.strictObject({}),
  run() {
    throw new Error("broken at once", { cause: new RangeError("the sensor is not there") });
  },
});
