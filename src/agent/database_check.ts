// Runs in: main thread.
import { errorSentence } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { CheckerToMain, MainToChecker } from "../shared/protocol.ts";
import { storeFolders } from "./store_folders.ts";
import { type LifeEnd, WorkerLife } from "./worker_life.ts";
import { decodeFromChecker } from "./workers/decoders.ts";

/** What is known of the database after a check. */
export type DatabaseCheck =
  | { kind: "whole" }
  | { kind: "damaged"; reason: string }
  /** It could not be made, so nobody knows. */
  | { kind: "unchecked"; reason: string };

/** Lets a thread of its own check the database, so that nobody waits for it. @param signal ends the check and its thread */
export async function checkDatabase(
  path: string,
  { module, directory, logger, signal }: {
    module: string;
    directory: string;
    logger: Logger;
    signal?: AbortSignal;
  },
): Promise<DatabaseCheck> {
  const folders = storeFolders(directory);
  const result = Promise.withResolvers<DatabaseCheck>();
  const life = new WorkerLife<MainToChecker, CheckerToMain>({
    name: "check",
    module,
    permissions: { read: folders, write: folders },
    generation: 1,
    watchdogMs: Infinity,
    memoryLimitBytes: Infinity,
    monotonic: () => performance.now(),
    onLog: () => {},
    onMessage: ({ damage }) =>
      result.resolve(damage === null ? { kind: "whole" } : { kind: "damaged", reason: damage }),
    decode: decodeFromChecker,
  });
  void life.ended.then((end) => {
    logger.warning("the database could not be checked", end);
    result.resolve({ kind: "unchecked", reason: describeEnd(end) });
  });
  signal?.addEventListener("abort", () => result.resolve({ kind: "unchecked", reason: "it was broken off" }));
  life.send({ type: "check_database", path });
  const check = await result.promise;
  await life.terminate();
  return check;
}

function describeEnd(end: LifeEnd): string {
  return end.kind === "crashed" ? errorSentence(end.error) : `its worker ended (${end.kind})`;
}
