// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Measures how much of the service manager's variables it can see. */
export default defineProcedure({
  name: "looks_around",
  config: z.strictObject({}),
  async run({ every, messages }) {
    for await (const _tick of every(0.1)) {
      const found = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"].filter((name) => Deno.env.has(name));
      await messages.data({ variables: found.length });
    }
  },
});
