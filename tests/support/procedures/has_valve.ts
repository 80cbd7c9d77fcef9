// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Has a valve that a server may set. */
export default defineProcedure({
  name: "has_valve",
  config: z.strictObject({ longest_opening_seconds: z.number().default(60) }),
  run: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
  rpc: {
    set_valve: {
      params: z.strictObject({ open: z.boolean() }),
      async run({ open }, { messages, config }) {
        await messages.data({ valve_open: open });
        return { open, closes_after_seconds: open ? config.longest_opening_seconds : null };
      },
    },
    break_valve: {
      params: z.null(),
      run: () => {
        throw new Error("the valve is stuck", { cause: new RangeError("too much torque") });
      },
    },
  },
});
