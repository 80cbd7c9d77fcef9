// Runs in: tests.
import * as fc from "fast-check";
import { lasting, nothing, type Operation, operation, pass } from "../operation.ts";
import type { World } from "../world.ts";

/** What happens to the agent's process. */
export const processes: Operation[] = [
  operation({
    name: "kill -9, and start again",
    weight: 3,
    arbitrary: nothing,
    async run(world: World) {
      world.agent!.signal("SIGKILL");
      await world.ended();
      await world.startAgent();
    },
  }),
  ...(["SIGTERM", "SIGINT"] as const).map((signal) =>
    operation({
      name: `${signal}, and start again`,
      arbitrary: nothing,
      async run(world: World) {
        world.agent!.signal(signal);
        const { code } = await world.ended();
        if (code !== 0) world.fail([`${signal} ended the agent with ${code}`]);
        await world.startAgent();
      },
    })
  ),
  operation({
    name: "kill -9 while it starts",
    arbitrary: lasting,
    async run(world: World, afterMs: number) {
      world.agent!.signal("SIGKILL");
      await world.ended();
      world.agent = world.node.run();
      await pass(afterMs / 3);
      world.agent.signal("SIGKILL");
      await world.ended();
      await world.startAgent();
    },
  }),
  operation({
    name: "paused for a while",
    arbitrary: lasting,
    async run(world: World, ms: number) {
      world.agent!.signal("SIGSTOP");
      await pass(ms);
      world.agent!.signal("SIGCONT");
    },
  }),
  operation({
    name: "somebody starts it a second time",
    arbitrary: fc.constantFrom("run", "start"),
    async run(world: World, command: "run" | "start") {
      const { code, stdout, stderr } = await world.node.ivy(command);
      const isFine = command === "start" ? code === 0 : code !== 0;
      if (!isFine) world.fail([`a second "ivy ${command}" ended with ${code}: ${stdout}${stderr}`]);
    },
  }),
];
