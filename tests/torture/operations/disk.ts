// Runs in: tests.
import { join } from "@std/path";
import { lasting, type Operation, operation, pass } from "../operation.ts";
import type { World } from "../world.ts";

const hasDisk = ({ disk, agent }: World) => disk !== undefined && agent !== undefined;

/** What happens to the disk. */
export const disk: Operation[] = [
  operation({
    name: "the disk is full for a while",
    weight: 2,
    arbitrary: lasting,
    isPossible: hasDisk,
    async run(world: World, ms: number) {
      world.disk!.fill();
      await pass(ms);
      world.disk!.empty();
    },
  }),
  operation({
    name: "killed and started on a full disk",
    arbitrary: lasting,
    isPossible: hasDisk,
    async run(world: World, ms: number) {
      world.disk!.fill();
      world.agent!.signal("SIGKILL");
      await world.ended();
      await world.startAgent();
      await pass(ms);
      world.disk!.empty();
    },
  }),
  operation({
    name: "there are no inodes left for a while",
    arbitrary: lasting,
    isPossible: hasDisk,
    async run(world: World, ms: number) {
      const folder = join(world.disk!.path, "inodes");
      Deno.mkdirSync(folder);
      try {
        for (let count = 0;; count++) Deno.writeTextFileSync(join(folder, `${count}`), "");
      } catch (error) {
        if (!/No space/.test(String(error))) throw error;
      }
      await pass(ms);
      Deno.removeSync(folder, { recursive: true });
    },
  }),
  operation({
    name: "killed, and started while the disk can only be read",
    arbitrary: lasting,
    isPossible: hasDisk,
    async run(world: World, ms: number) {
      world.agent!.signal("SIGKILL");
      await world.ended();
      world.disk!.makeReadOnly();
      const early = world.agent = world.node.run();
      await pass(ms);
      world.disk!.remount("rw");
      early.signal("SIGKILL"); // whether it waits or has given up is tried elsewhere
      await world.ended();
      await world.startAgent();
    },
  }),
];
