// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";
import { tryDoors } from "../doors.ts";

/** Tries what a worker may not do, and measures what came of it. */
export default defineProcedure({
  name: "doors",
  config: z.strictObject({}),
  async run({ node, messages, signal }) {
    await messages.data(await tryDoors(node.lockFile));
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
});
