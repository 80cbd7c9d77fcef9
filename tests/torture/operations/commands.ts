// Runs in: tests.
import * as fc from "fast-check";
import { type Operation, operation } from "../operation.ts";
import type { World } from "../world.ts";

const COMMANDS = [
  ["status"],
  ["status", "--json"],
  ["messages", "stats"],
  ["messages", "tail"],
  ["messages", "export"],
  ["logs"],
  ["config", "show"],
  ["config", "validate"],
];

/** What an operator asks meanwhile. */
export const commands: Operation[] = [
  operation({
    name: "an operator asks",
    weight: 2,
    arbitrary: fc.constantFrom(...COMMANDS),
    async run(world: World, words: string[]) {
      const { code, stdout, stderr } = await world.node.ivy(...words);
      if (code !== 0 && words[0] !== "status") {
        world.fail([`ivy ${words.join(" ")} ended with ${code}: ${stderr}`]);
      }
      world.judgeText(`ivy ${words.join(" ")}`, stdout + stderr);
    },
  }),
];
