// Runs in: main thread.
import type { StoreAnswers, StoreRequest } from "../shared/protocol.ts";
import type { Config } from "../shared/config.ts";
import { createLogger } from "../shared/logger.ts";
import type { Parts } from "./parts.ts";
import { requestAgent } from "./control_client.ts";
import { CommandError } from "./errors.ts";
import { exists, type Paths } from "./paths.ts";
import { takeRunLock } from "./run_lock.ts";
import { StoreHost } from "./store_host.ts";

/** The store of a root, for commands: the running agent's, or one that is opened for the command alone. */
export interface StoreAccess {
  request<K extends StoreRequest["kind"]>(request: StoreRequest & { kind: K }): Promise<StoreAnswers[K]>;
  close(): Promise<void>;
}

const STOP_GRACE_MS = 10_000;
/** What only matters to a store that works for an agent. */
const IDLE_SETTINGS: Config["storage"] = {
  retention_days: null,
  log_retention_days: null,
  commit_interval_ms: 0,
  min_free_mb: 0,
  max_outbox_mb: 1_000_000,
};

/**
 * Opens the way to the store.
 *
 * @throws {CommandError} when the root has no store yet, or an agent is just starting or ending.
 */
export async function accessStore(paths: Paths, parts: Parts): Promise<StoreAccess> {
  const probe = await askRunning(paths, { kind: "corrections" });
  if (probe !== undefined) {
    return { request: async (request) => (await askRunning(paths, request)) as never, close: async () => {} };
  }
  return await openAlone(paths, parts);
}

/** @returns undefined when no agent runs. */
async function askRunning(paths: Paths, request: StoreRequest): Promise<unknown> {
  const response = await requestAgent(paths.socket, "POST", "/v1/store", { body: JSON.stringify(request) });
  if (response === undefined) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new CommandError(answer.error);
  return answer;
}

async function openAlone(paths: Paths, parts: Parts): Promise<StoreAccess> {
  if (!exists(paths.data)) {
    throw new CommandError(
      `there is no node at ${paths.root}; create one with: ivy init --root ${paths.root}`,
    );
  }
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) {
    throw new CommandError(`an agent on ${paths.root} is just starting or ending; try again in a moment`);
  }
  const store = new StoreHost({
    module: parts.storeModule,
    checkerModule: parts.checkerModule,
    directory: paths.data,
    runId: crypto.randomUUID(),
    settings: IDLE_SETTINGS,
    backends: null,
    logger: createLogger("store", () => {}),
    onLog: () => {},
    onStored: undefined,
    onRestarted: () => {},
    onUnstoppable: () => {},
    clockDoubt: () => Promise.resolve(undefined), // nothing is stamped or removed
    onInvalidMessage: () => {},
  });
  await store.start();
  return {
    request: async (request) => (await store.request<StoreRequest["kind"]>(request) ?? fail(paths)) as never,
    async close() {
      await store.stop(STOP_GRACE_MS);
      taken.lock.release();
    },
  };
}

function fail(paths: Paths): never {
  throw new CommandError(
    `the store of ${paths.data} could not be opened; see: ivy logs --root ${paths.root}`,
  );
}
