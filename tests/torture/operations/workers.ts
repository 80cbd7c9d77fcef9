// Runs in: tests.
import * as fc from "fast-check";
import { join } from "@std/path";
import { nothing, type Operation, operation } from "../operation.ts";
import { WITNESSES, type World } from "../world.ts";

let orders = 0;

/** What workers do wrong. A witness needs a second or two until it is replaced; the others go on meanwhile. */
export const workers: Operation[] = [
  operation({
    name: "a procedure fails",
    weight: 2,
    arbitrary: fc.record({
      witness: fc.constantFrom(...WITNESSES),
      how: fc.constantFrom("throw", "reject", "spin", "grow", "forge"),
    }),
    run(world: World, { witness, how }: { witness: typeof WITNESSES[number]; how: string }) {
      world.order(witness, `${how} ${++orders}`);
      return Promise.resolve();
    },
  }),
  ...["crash", "spin"].map((how) =>
    operation({
      name: `the store ${how === "crash" ? "crashes" : "hangs"} after a commit`,
      arbitrary: nothing,
      run(world: World) {
        Deno.writeTextFileSync(join(world.node.paths.data, how), "");
        return Promise.resolve();
      },
    })
  ),
];
