// Runs in: tests, main thread of a process that is killed.
import { shippedParts } from "../../src/agent/parts.ts";
import { StoreHost } from "../../src/agent/store_host.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { MessageSender } from "../../src/shared/message_sender.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";
import { bodyOf } from "./stored_days.ts";
import { until } from "./until.ts";

// The real store in its sandbox under its supervisor, with one sender, as an agent has it. Says on stdout `log LEVEL
// SUBJECT` and `a KEY` (acknowledged); does what the lines on stdin say, and answers each with `done`:
// `send COUNT`, `synced` and `noticed` (wait until nothing is unsynced, or until the log tells of a replaced file), `close`.
// Arguments: the data folder, the names of backends, separated by commas, and a name for this run.
const [directory, backends, run] = Deno.args as [string, string, string];

const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
let hasNoticed = false;
const log = ({ level, subject }: LogEntry) => {
  hasNoticed ||= / while in use/.test(subject);
  say(`log ${level} ${subject}`);
};

const sender = new MessageSender({ now: () => Date.now(), onFailure: ({ message }) => say(`r ${message}`) });
const store: StoreHost = new StoreHost({
  module: shippedParts.storeModule,
  checkerModule: shippedParts.checkerModule,
  directory,
  runId: run,
  settings: {
    retention_days: null,
    log_retention_days: null,
    commit_interval_ms: 0,
    min_free_mb: 0,
    max_outbox_mb: 1024,
  },
  backends: backends === "" ? [] : backends.split(","),
  logger: createLogger("store", log),
  onLog: log,
  onStored: undefined,
  onRestarted: () => sender.attach(store.openPort({ name: "sender", generation: 0 })),
  onUnstoppable: () => say("unstoppable"),
  onInvalidMessage: (_sender, reason) => say(`log ERROR ${reason}`),
  clockDoubt: () => Promise.resolve(undefined),
});
await store.start();
sender.attach(store.openPort({ name: "sender", generation: 0 }));

let sent = 0;
async function send(count: number): Promise<void> {
  const keys = Array.from({ length: count }, () => `${run}/${++sent}`);
  await Promise.all(keys.map((key) => sender.send(bodyOf(key)).then(() => say(`a ${key}`))));
}

async function unsynced(): Promise<number | undefined> {
  const statistics = await store.request({ kind: "statistics" });
  return store.status().state === "running" ? statistics?.unsynced : undefined;
}

async function perform(command: string): Promise<void> {
  const [verb, count] = command.split(" ");
  if (verb === "send") {
    for (let left = Number(count); left > 0; left -= 500) {
      await send(Math.min(500, left));
    }
  }
  if (verb === "synced") await until("all to be synced", async () => await unsynced() === 0);
  if (verb === "noticed") {
    await until("it to be noticed", async () => hasNoticed && await unsynced() !== undefined);
  }
  if (verb === "close") await store.stop(10_000);
  say("done");
}

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream() as never)) {
  const commands = (rest + text).split("\n");
  rest = commands.pop()!;
  for (const command of commands) await perform(command);
}
