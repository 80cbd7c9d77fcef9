// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Measures many values at once, as a weather station does. */
export default defineProcedure({
  name: "measures_much",
  config: z.strictObject({ keys: z.int().default(20), seconds: z.number().default(1) }),
  async run({ config: { keys, seconds }, every, messages }) {
    const walk = Array.from({ length: keys }, () => 20);
    for await (const _tick of every(seconds)) {
      walk.forEach((value, key) => walk[key] = value + Math.random() - 0.5);
      await messages.data(
        Object.fromEntries(walk.map((value, key) => [`sensor_${key}`, Math.round(value * 100) / 100])),
      );
    }
  },
});
