// Runs in: main thread.
import { configSchema } from "../shared/config.ts";
import { MessageSender } from "../shared/message_sender.ts";
import { withLimit } from "../shared/time.ts";
import type { Parts } from "./parts.ts";
import type { ConfigError } from "./configuration.ts";
import { setUpLogging } from "./logging.ts";
import type { Paths } from "./paths.ts";
import { StoreHost } from "./store_host.ts";

/** How long the store may take to keep the message, in milliseconds. */
const STORE_LIMIT_MS = 3000;

/**
 * Leaves word of a configuration that keeps the node from starting, where people look for it later and from afar: in
 * the daily log file, and as a log message. The console is the caller's.
 */
export async function reportFailedStart(
  { faults, file }: ConfigError,
  { parts, paths }: { parts: Parts; paths: Paths },
): Promise<void> {
  const sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  const logging = setUpLogging({
    thresholds: { file_archive: "DEBUG", console_prints: null, message_sending: "WARNING" },
    directory: paths.logs,
    colour: false,
    sendMessage: ({ level, origin, subject, details }) =>
      void sender.log(level, `${origin}: ${subject}`, details),
  });
  const store = new StoreHost({
    module: parts.storeModule,
    checkerModule: parts.checkerModule,
    directory: paths.data,
    runId: crypto.randomUUID(),
    backends: null,
    settings: configSchema.shape.storage.parse({}),
    logger: logging.logger("store"),
    onLog: logging.write,
    onStored: undefined,
    onRestarted: () => {},
    onUnstoppable: () => {},
    onInvalidMessage: () => {},
  });
  await store.start();
  sender.attach(store.openPort({ name: "agent", generation: 0 }));
  logging.logger("agent").error(
    `Ivy does not start: ${file} is not a valid configuration`,
    faults.join("\n"),
  );
  await withLimit(sender.settled(), STORE_LIMIT_MS, undefined);
  await store.stop(STORE_LIMIT_MS);
  await logging.close();
}
