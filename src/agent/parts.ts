// Runs in: main thread.
import { procedures as shippedProcedures } from "../../procedures/registry.ts";
import { backends as shippedBackends } from "../backends/registry.ts";
import type { ResolveName } from "./addresses.ts";
import type { BackendRegistry, ProcedureRegistry } from "../shared/registry.ts";

/** What a program is made of; a fork or a test passes its own. */
export interface Parts {
  procedures: ProcedureRegistry;
  backends: BackendRegistry;
  /** The store's worker module. */
  storeModule: string;
  /** The module that checks a large database. */
  checkerModule: string;
  /** The module that fetches releases. */
  releaseModule: string;
  /** How long an old version tries to reach what a new one could not, in milliseconds; default 60 s. */
  reachLimitMs?: number;
  /** How long a new version may hang beyond its probation, in seconds; default 120. */
  hangSeconds?: number;
  /** How patiently releases are fetched. */
  releasePace?: { stallMs: number; retryMs: number; attempts: number };
  storeWatchdogMs?: number;
  /** How names of servers are resolved; default: as the system does. */
  resolveName?: ResolveName;
  /** How long a configuration from afar is watched before it is accepted, in milliseconds; default 60 s. */
  configWatchMs?: number;
  /** How long procedures may take to end, in milliseconds; default 32 s, of which 30 s are their own. */
  stopGraceMs?: number;
}

export const shippedParts: Parts = {
  procedures: shippedProcedures,
  backends: shippedBackends,
  storeModule: import.meta.resolve("../store/worker.ts"),
  checkerModule: import.meta.resolve("../store/check_worker.ts"),
  releaseModule: import.meta.resolve("../release/worker.ts"),
};
