// Runs in: main thread.
import type { AgentStatus } from "../status.ts";

/** What the page shows of a node. */
export interface PageSource {
  status(): Promise<AgentStatus>;
}
