// Runs in: tests.
import { join } from "@std/path";
import { nothing, type Operation, operation } from "../operation.ts";
import type { World } from "../world.ts";

/** What people and programs do to files below a running agent. */
export const files: Operation[] = [
  operation({
    name: "today's file is removed",
    arbitrary: nothing,
    run(world: World) {
      const { messages } = world.node.paths;
      for (const { name } of Deno.readDirSync(messages)) {
        if (name.endsWith(".jsonl")) world.takeAway(join(messages, name));
      }
      return Promise.resolve();
    },
  }),
  operation({
    name: "the folder of messages is removed",
    arbitrary: nothing,
    run(world: World) {
      world.takeAway(world.node.paths.messages);
      return Promise.resolve();
    },
  }),
  operation({
    name: "the folder of logs is removed",
    arbitrary: nothing,
    async run(world: World) {
      await Deno.remove(world.node.paths.logs, { recursive: true }).catch(() => {});
    },
  }),
  operation({
    name: "the lock and the socket are removed, and cron starts the node",
    arbitrary: nothing,
    async run(world: World) {
      const { control } = world.node.paths;
      for (const name of ["run.lock", "ivy.sock"]) await Deno.remove(join(control, name)).catch(() => {});
      const { code, stderr } = await world.node.ivy("start");
      if (code !== 0 && !/runs/.test(stderr)) world.fail([`ivy start ended with ${code}: ${stderr}`]);
    },
  }),
  operation({
    name: "the messages move to another place, and a link leads there",
    arbitrary: nothing,
    isPossible: (world: World) => world.agent !== undefined && !isLink(world.node.paths.messages),
    async run(world: World) {
      const { messages } = world.node.paths;
      world.agent!.signal("SIGTERM");
      await world.ended();
      const place = join(messages, "../../moved");
      await Deno.rename(messages, place);
      await Deno.symlink(place, messages);
      await world.startAgent();
    },
  }),
];

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}
