// Runs in: tests, main thread.
import { join } from "@std/path";
import { checkDatabase } from "../../src/agent/database_check.ts";
import { ReleaseWorker } from "../../src/agent/updater/release_worker.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { ReleaseOrder } from "../../src/shared/protocol.ts";
import { sentenceOf } from "../../src/shared/errors.ts";

/**
 * Starts the workers that a node has only at times, on the root that its argument names; each tries what it may not do.
 * Prints what came of it, a line of JSON for each.
 */
const [root] = Deno.args as [string];
const data = join(root, "data");
const staging = join(root, "staging");

const check = await checkDatabase(join(data, "outbox.sqlite3"), {
  module: import.meta.resolve("./stores/doors_checker.ts"),
  directory: data,
  logger: createLogger("doors", () => {}),
});
print({ check: check.kind === "whole" ? "" : check.reason });

await using release = new ReleaseWorker({
  module: import.meta.resolve("./releases/doors_release.ts"),
  staging,
  isOffline: false,
  onLog: () => {},
});
print({ release: await release.find({ staging } as ReleaseOrder).catch(sentenceOf) });

function print(found: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(found)}\n`));
}
