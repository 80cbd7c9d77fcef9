// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** The well-behaved neighbour: numbers its ticks by the wall clock, so that a missed one shows as a gap. */
export default defineProcedure({
  name: "metronome",
  config: z.strictObject({ seconds: z.number().min(0.01).default(0.5) }),
  async run({ config: { seconds }, every, messages }) {
    for await (const { timeMs, missed } of every(seconds)) {
      messages.data({ beat: Math.round(timeMs / 1000 / seconds), missed });
    }
  },
});
