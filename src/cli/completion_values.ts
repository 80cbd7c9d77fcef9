// Runs in: main thread.
import { backendEntries, readRawConfig } from "../agent/configuration.ts";
import { logDays } from "../agent/log_files.ts";
import { pathsOf } from "../agent/paths.ts";
import type { CommandContext, NodeValues } from "./command.ts";
import { readState } from "./state.ts";

/** Components of the agent itself that write to the log. */
const OWN_ORIGINS = ["agent", "store", "state", "updater"];
const VERSION = /^\d+\.\d+\.\d+/;

export interface Node {
  root: string;
  parts: CommandContext["parts"];
}

/** What a node has of a kind; nothing where that cannot be seen, since nobody waits for an error here. */
export async function valuesOnNode(kind: NodeValues, node: Node): Promise<string[]> {
  try {
    return await lookUp(kind, node);
  } catch {
    return [];
  }
}

async function lookUp(kind: NodeValues, { root, parts }: Node): Promise<string[]> {
  const paths = pathsOf(root);
  const backends = () => backendEntries(readRawConfig(paths.configFile)).map(({ name }) => name);
  switch (kind) {
    case "procedures":
      return Object.keys((await parts()).procedures);
    case "backends":
      return backends();
    case "versions":
      return [...Deno.readDirSync(root)].map(({ name }) => name).filter((name) => VERSION.test(name)).sort();
    case "state_paths":
      return pathsIn((await readState(paths)).state);
    case "config_paths":
      return pathsIn(readRawConfig(paths.configFile));
    case "origins":
      return [...OWN_ORIGINS, ...Object.keys((await parts()).procedures), ...backends()];
    case "days":
      return logDays(paths.logs);
    default:
      return kind satisfies never;
  }
}

/** Every place in a value: `a`, `a.b`, `a.b[0]`. */
function pathsIn(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return [at, ...pathsIn(item, at)];
  });
}
