// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Allocates without end, a piece per tick. */
export default defineProcedure({
  name: "grows",
  config: z.strictObject({}),
  async run({ every }) {
    const kept: unknown[] = [];
    for await (const _tick of every(0.02)) {
      kept.push(Array.from({ length: 50_000 }, () => ({ n: Math.random() })));
    }
  },
});
