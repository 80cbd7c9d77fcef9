// Runs in: main thread.
import { join } from "@std/path";
import { configSchema } from "../shared/config.ts";
import { sentenceOf } from "../shared/errors.ts";
import { createLogger } from "../shared/logger.ts";
import { MessageSender } from "../shared/message_sender.ts";
import { levelRank } from "../shared/message.ts";
import type { LogEntry } from "../shared/protocol.ts";
import { withLimit } from "../shared/time.ts";
import type { Parts } from "./parts.ts";
import { exists, type Paths } from "./paths.ts";
import { StoreHost } from "./store_host.ts";

/** How long one message may take to be stored, in milliseconds. */
const LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 2000;

/**
 * Lets a store of its own write one message on the node's disk, in the sandbox that the node's store has.
 *
 * @returns why it cannot, as a sentence; undefined when it can.
 */
export async function probeStore(
  paths: Pick<Paths, "data" | "messages">,
  parts: Parts,
): Promise<string | undefined> {
  const folders: string[] = [];
  try {
    const makeFolder = (dir: string) => {
      folders.push(Deno.makeTempDirSync({ dir, prefix: "store-test-" }));
      return folders.at(-1)!;
    };
    const directory = makeFolder(paths.data);
    if (exists(paths.messages)) Deno.symlinkSync(makeFolder(paths.messages), join(directory, "messages"));
    return await writeMessage(directory, parts);
  } catch (error) {
    return sentenceOf(error);
  } finally {
    for (const folder of folders) Deno.removeSync(folder, { recursive: true });
  }
}

/** The first failure is the cause; what could be stored but not written to the daily file is one, too. */
async function writeMessage(directory: string, parts: Parts): Promise<string | undefined> {
  const failures: string[] = [];
  const failed = Promise.withResolvers<void>();
  const fail = (failure: string) => {
    failures.push(failure);
    failed.resolve();
  };
  const onLog = ({ level, subject, details }: LogEntry) => {
    if (levelRank(level) < levelRank("ERROR")) return;
    fail(details === "" ? subject : `${subject}: ${details.trim().split("\n", 1)[0]}`);
  };
  const store = new StoreHost({
    module: parts.storeModule,
    checkerModule: parts.checkerModule,
    directory,
    runId: crypto.randomUUID(),
    settings: { ...configSchema.shape.storage.parse({}), min_free_mb: 0 },
    backends: null,
    logger: createLogger("store", onLog),
    onLog,
    onStored: undefined,
    onRestarted: () => {},
    onUnstoppable: () => {},
    onInvalidMessage: (_sender, reason) => fail(reason),
    clockDoubt: () => Promise.resolve(undefined),
  });
  const sender = new MessageSender({ now: () => Date.now(), onFailure: (error) => fail(sentenceOf(error)) });
  await store.start();
  sender.attach(store.openPort({ name: "agent", generation: 0 }));
  const stored = sender.log("INFO", "a test of the store").catch(() => {}); // onFailure has the reason
  const late = `it has not stored a message within ${LIMIT_MS / 1000} s`;
  await withLimit(Promise.race([stored, failed.promise]), LIMIT_MS, undefined);
  if (sender.unresolved > 0) fail(late);
  await store.stop(STOP_LIMIT_MS);
  return failures[0];
}
