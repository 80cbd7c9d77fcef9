// Runs in: tests.
import * as fc from "fast-check";
import type { SuiteServer } from "../../support/backend_suite.ts";
import type { MqttSuiteServer } from "../../support/mqtt_suite_server.ts";
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
    name: "the network is bad for a while",
    arbitrary: fc.record({ which, ms: lasting, how: fc.constantFrom("cut", "half-open", "slow") }),
    async run(world: World, drawn: { which: number; ms: number; how: "cut" | "half-open" | "slow" }) {
      const server = serverOf(world, drawn.which) as Partial<MqttSuiteServer>;
      if (server.proxy === undefined) return; // a server of ours that speaks for itself
      if (drawn.how === "cut") return server.proxy.cutAll();
      if (drawn.how === "half-open") server.proxy.stall(true);
      else server.proxy.slow(5000);
      await pass(drawn.ms);
      server.proxy.stall(false);
      server.proxy.slow(Infinity);
    },
  }),
  operation({
    name: "the broker is killed and started again",
    arbitrary: which,
    async run(world: World, index: number) {
      const { broker } = serverOf(world, index) as Partial<MqttSuiteServer>;
      await broker?.kill();
      await broker?.start();
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
