// Runs in: main thread.
import type { AgentStatus } from "../status.ts";

/** How the node is, in one sentence for `systemctl status`. */
export function sentenceOfStatus({ ready, procedures, backends, store }: AgentStatus): string {
  const troubled = Object.entries({ ...procedures, ...backends, store })
    .filter(([, { state }]) => state !== "running").map(([name, { state }]) =>
      `${name} is in state ${state}`
    );
  const count = Object.keys(procedures).length;
  if (store.state === "running" && store.messages === null) troubled.push("the store does not answer");
  if (!ready) return `Starting ${count} procedures`;
  if (troubled.length > 0) return `Not well: ${troubled.join(", ")}`;
  return `Well: ${count} procedures measuring`;
}
