// Runs in: tests.
import * as fc from "fast-check";
import { type Operation, operation } from "../operation.ts";
import type { World } from "../world.ts";

const HOUR_S = 3600;
const YEAR_S = 365 * 86_400;

/** What happens to the machine's clock; the monotonic one goes on. */
export const clock: Operation[] = [
  operation({
    name: "the clock jumps, in seconds",
    weight: 2,
    arbitrary: fc.constantFrom(-40 * YEAR_S, -HOUR_S, -10, 10, HOUR_S, 86_400, 5 * YEAR_S),
    isPossible: ({ agent, fakesClock }) => agent !== undefined && fakesClock,
    run(world: World, seconds: number) {
      world.moveClock(seconds);
      return Promise.resolve();
    },
  }),
  operation({
    name: "it is midnight soon",
    arbitrary: fc.integer({ min: 1, max: 3 }),
    isPossible: ({ agent, fakesClock }) => agent !== undefined && fakesClock,
    run(world: World, seconds: number) {
      world.moveClock(86_400 - (world.nowS % 86_400) - seconds);
      return Promise.resolve();
    },
  }),
];
