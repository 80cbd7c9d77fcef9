// Runs in: tests, main thread of a process that is killed.
import type {
  BackendToStore,
  LeasedMessage,
  MainToStore,
  StoreToBackend,
  StoreToMain,
} from "../../src/shared/protocol.ts";
import { MessageSender } from "../../src/shared/message_sender.ts";
import { VARIANTS } from "../../src/shared/message.ts";
import { bodyOf } from "./stored_days.ts";

// The real store in its worker, with four writers and two backends, and as little else as possible. Says on stdout what
// has been promised, each line at once: `opened`, `a KEY` (acknowledged), `s BACKEND ID` (settled), `closed`. Begins to
// send when a line comes on stdin, closes in order when stdin ends.
// Arguments: the data folder, and a name for this run.
const [directory, run] = Deno.args as [string, string];

/** Only main tells what became of configurations. */
const MAIN = "agent";
const WRITERS = [MAIN, "w2", "w3", "w4"];
const BACKENDS = ["fast", "slow"];
const SETTINGS = {
  retention_days: null,
  log_retention_days: null,
  commit_interval_ms: 0,
  min_free_mb: 0,
  max_outbox_mb: 1024,
};

const store = new Worker(import.meta.resolve("../../src/store/worker.ts"), { type: "module" });
const opened = Promise.withResolvers<void>();
const closed = Promise.withResolvers<void>();

store.onmessage = ({ data }: MessageEvent<StoreToMain>) => {
  if (data.type === "opened") opened.resolve();
  else if (data.type === "closed") closed.resolve();
  else if (data.type === "failed") throw new Error(data.error.message);
  else if (data.type === "invalid_message") throw new Error(data.reason);
  else if (data.type === "log" && data.entry.level !== "INFO") say(`log ${data.entry.subject}`);
};

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function tell(message: MainToStore, transfer: Transferable[] = []): void {
  store.postMessage(message, transfer);
}

/** Bursts of one to twenty messages, the next as soon as the last is safe. */
async function write(writer: string): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  tell({ type: "attach_producer", producer: { name: writer, generation: 1 }, port: port1 }, [port1]);
  const sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  sender.attach(port2);
  const variants = writer === MAIN ? VARIANTS : VARIANTS.filter((variant) => variant !== "config");
  for (let count = 0;;) {
    const burst = Array.from({ length: 1 + Math.floor(Math.random() * 20) }, () => {
      const key = `${run}/${writer}/${++count}`;
      const variant = variants[count % 10] ?? "data";
      return sender.send(bodyOf(key, variant)).then(() => say(`a ${key}`));
    });
    await Promise.all(burst);
  }
}

/** Acknowledges what it gets; the slow one also parks some and gives some back. */
function drain(name: string): void {
  const { port1, port2 } = new MessageChannel();
  tell({ type: "attach_backend", name, port: port1 }, [port1]);
  const unanswered: BackendToStore["type"][] = []; // answers come in this order
  const send = (message: BackendToStore) => {
    if (message.type !== "lease") unanswered.push(message.type);
    port2.postMessage(message);
  };
  const lease = () => send({ type: "lease", maxMessages: name === "slow" ? 7 : 500, maxBytes: 100_000 });
  port2.onmessage = ({ data }: MessageEvent<StoreToBackend>) => {
    if (data.type === "available") return lease();
    if (data.type === "settled") {
      if (unanswered.shift() !== "give_back") data.ids.forEach((id) => say(`s ${name} ${id}`));
      return;
    }
    settle(name, data.messages, send);
    if (data.messages.length > 0) lease();
  };
  lease();
}

function settle(name: string, messages: LeasedMessage[], send: (message: BackendToStore) => void): void {
  const ids = messages.map(({ id }) => id);
  if (name === "fast") return send({ type: "acknowledge", ids });
  const [parked, ...rest] = ids;
  if (parked === undefined) return;
  send({ type: "park", id: parked, reason: "the proof wants it" });
  send({ type: "acknowledge", ids: rest.slice(0, 3) });
  send({ type: "give_back", ids: rest.slice(3) });
}

tell({
  type: "open",
  opening: {
    directory,
    runId: run,
    settings: SETTINGS,
    backends: BACKENDS,
    boot: { id: "boot", uptimeMs: 0 },
    clockTrusted: true,
    isProven: true,
  },
  beatIntervalMs: 1000,
});
await opened.promise;
say("opened");
const input = Deno.stdin.readable.getReader();
if (!(await input.read()).done) {
  for (const name of BACKENDS) drain(name);
  for (const writer of WRITERS) void write(writer);
  await input.read();
}
tell({ type: "close" });
await closed.promise;
say("closed");
store.terminate();
