// Runs in: main thread.
import type { Logger } from "../shared/logger.ts";
import type { CheckerToMain, MainToChecker } from "../shared/protocol.ts";
import { WorkerLife } from "./worker_life.ts";

/**
 * Lets a thread of its own check the database, so that nobody waits for it.
 *
 * @returns what is damaged; null when nothing is, or when it could not be found out.
 */
export async function checkDatabase(
  path: string,
  { module, directory, logger }: { module: string; directory: string; logger: Logger },
): Promise<string | null> {
  const result = Promise.withResolvers<string | null>();
  const life = new WorkerLife<MainToChecker, CheckerToMain>({
    name: "check",
    module,
    permissions: { read: [directory], write: [directory] },
    generation: 1,
    watchdogMs: Infinity,
    memoryLimitBytes: Infinity,
    monotonic: () => performance.now(),
    onLog: () => {},
    onMessage: (message) => result.resolve(message.damage),
  });
  void life.ended.then((end) => {
    logger.warning("the database could not be checked", end);
    result.resolve(null);
  });
  life.send({ type: "check_database", path });
  const damage = await result.promise;
  await life.terminate();
  return damage;
}
