// Runs in: tests.
import * as fc from "fast-check";
import type { SuiteServer } from "../../support/backend_suite.ts";
import { lasting, type Operation, operation, pass } from "../operation.ts";
import type { World } from "../world.ts";

/** One of the servers of a node, whichever it has. */
const which = fc.nat({ max: 3 });

function serverOf(world: World, index: number): SuiteServer {
  return world.recorders[index % world.recorders.length]!.server;
}

/** What happens to servers and to the network between. */
export const servers: Operation[] = [
  operation({
    name: "a server goes down and comes back",
    arbitrary: fc.record({ which, ms: lasting }),
    async run(world: World, drawn: { which: number; ms: number }) {
      const server = serverOf(world, drawn.which);
      await server.down();
      await pass(drawn.ms);
      await server.up();
    },
  }),
  operation({
    name: "a server is down, until the end or until the next time",
    arbitrary: which,
    async run(world: World, index: number) {
      await serverOf(world, index).down();
      await serverOf(world, index + 1).up().catch(() => {}); // it was up
    },
  }),
  operation({
    name: "answers get lost, and the connection breaks",
    arbitrary: fc.record({ which, ms: lasting }),
    async run(world: World, drawn: { which: number; ms: number }) {
      const server = serverOf(world, drawn.which);
      server.holdAnswers(true);
      await pass(drawn.ms);
      await server.down();
      server.holdAnswers(false);
      await server.up();
    },
  }),
  operation({
    name: "everything fails at a server but messages",
    arbitrary: fc.record({ which, how: fc.constantFrom("refuse", "be silent", "hang up", null) }),
    run(world: World, drawn: { which: number; how: "refuse" | "be silent" | "hang up" | null }) {
      serverOf(world, drawn.which).failBeside(drawn.how);
      return Promise.resolve();
    },
  }),
];
