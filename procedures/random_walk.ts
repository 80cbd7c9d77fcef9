// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../src/runtime/procedure.ts";

/** The next place of a walk that takes steps of at most 0.1 and stays between -1 and 1. */
export function nextStep(place: number, random: () => number): number {
  const step = (random() - 0.5) * 0.2;
  return Math.min(1, Math.max(-1, place + step));
}

/** An example to copy: measures a number that wanders about. */
export default defineProcedure({
  name: "random_walk",
  config: z.strictObject({
    seconds_between_datapoints: z.number().min(0.05).max(7200).describe(
      "seconds from one datapoint to the next",
    ),
  }),
  async run({ config, every, messages, state, logger }) {
    let place = 0;
    let isPaused = false;
    for await (const _tick of every(config.seconds_between_datapoints)) {
      const { overloaded } = state.current;
      if (overloaded !== isPaused) {
        logger.info(overloaded ? "pausing: the machine is overloaded" : "going on");
      }
      isPaused = overloaded;
      if (isPaused) continue;
      place = nextStep(place, Math.random);
      messages.data({ random_value: place }); // not awaited: the next tick must not wait for a slow disk
    }
  },
});
