// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Uses what its line of the registry does not grant. */
export default defineProcedure({
  name: "trespasses",
  config: z.strictObject({}),
  async run() {
    await Deno.readTextFile("/etc/passwd");
  },
});
