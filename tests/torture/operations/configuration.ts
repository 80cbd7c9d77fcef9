// Runs in: tests.
import * as fc from "fast-check";
import type { TestConfig } from "../../support/node.ts";
import { freePort } from "../../support/free_port.ts";
import { nothing, type Operation, operation } from "../operation.ts";
import type { World } from "../world.ts";

interface Change {
  seconds: number;
  atOnce: number;
  third: boolean;
  mood: "good" | "bad";
  isWaitedFor: boolean;
}

/** How long a revision may take to be judged when somebody waits for it, in milliseconds. */
const VERDICT_MS = 20_000;

/** What reaches the node as a configuration. */
export const configuration: Operation[] = [
  operation({
    name: "the server sends a configuration",
    weight: 4,
    arbitrary: fc.record({
      seconds: fc.constantFrom(0.02, 0.025, 0.03),
      atOnce: fc.constantFrom(5, 10),
      third: fc.boolean(),
      mood: fc.constantFrom("good", "good", "bad"),
      isWaitedFor: fc.boolean(),
    }),
    async run(world: World, { seconds, atOnce, third, mood, isWaitedFor }: Change) {
      const config = world.config;
      Object.assign(config.procedures["witness_1"]!, { seconds, at_once: atOnce });
      Object.assign(config.procedures["witness_2"]!, { mood });
      Object.assign(config.procedures["witness_3"]!, { enabled: third });
      await send(world, config, isWaitedFor);
    },
  }),
  operation({
    name: "the server sends what is no configuration",
    arbitrary: fc.constantFrom({}, { procedures: null }, { general: { software_version: "9.9.9" } }),
    async run(world: World, broken: Record<string, unknown>) {
      await send(world, broken as unknown as TestConfig, false);
    },
  }),
  operation({
    name: "the address that configurations come from is dead",
    arbitrary: nothing,
    isPossible: (world: World) =>
      world.agent !== undefined && world.recorders.some(({ provider }) => provider === "http"),
    async run(world: World) {
      const config = world.config;
      const own = (config["backends"] as Record<string, unknown>[]).find(({ provider }) =>
        provider === "http"
      )!;
      own["configuration_url"] = `http://127.0.0.1:${freePort()}/configuration`;
      world.agent!.signal("SIGTERM");
      await world.ended();
      world.remember(config);
      config.general.config_revision = ++world.revision;
      world.node.writeConfig(JSON.stringify(config));
      await world.startAgent();
    },
  }),
];

async function send(world: World, config: TestConfig, isWaitedFor: boolean): Promise<void> {
  const revision = ++world.revision;
  config.general = { ...world.config.general, ...config.general, config_revision: revision };
  const { server } = world.recorders[0]!;
  await server.configure(revision, config as unknown as Record<string, unknown>).catch(() => {}); // the broker may be down
  if (!isWaitedFor) return;
  const verdict = new RegExp(`configuration ${revision} is (accepted|rejected)`);
  await world.agent!.log.until(verdict, { deadlineMs: VERDICT_MS }).catch(() => {}); // nobody can reach the node
}
