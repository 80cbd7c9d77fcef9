// Runs in: main thread.
import { errorSentence, sentenceOf } from "../shared/errors.ts";
import type { BackendFacts, BackendToMain, MainToBackend } from "../shared/protocol.ts";
import type { BackendLine } from "../shared/registry.ts";
import { withLimit } from "../shared/time.ts";
import { namesIn, type ResolveName, resolveName, resolveNames, withAddresses } from "./addresses.ts";
import { type BackendEntry, permissionsOf } from "./backend_host.ts";
import { resolveSecrets } from "./secret_values.ts";
import { type LifeEnd, WorkerLife } from "./worker_life.ts";
import { decodeFromBackend } from "./workers/decoders.ts";

/** How long the system may take to resolve the server's name, in milliseconds. */
const RESOLVE_LIMIT_MS = 5000;
const MEMORY_LIMIT_BYTES = 256 * 1_048_576;
/** A worker that is asked to end says goodbye to its server, in milliseconds. */
const GOODBYE_MS = 3000;

export interface LoginOptions {
  entry: BackendEntry;
  line: BackendLine;
  environment: Record<string, string>;
  facts: BackendFacts;
  /** Keeps what the server gives out, as the agent would. */
  keep: (value: unknown) => void;
  limitMs: number;
  /** Default: as the system does. */
  resolveName?: ResolveName;
}

/** Whether the server has let a backend in, and its words for it. */
export interface Login {
  isIn: boolean;
  detail: string;
}

/**
 * Lets a backend's own worker, in its sandbox, enter its server and leave again. It gets no messages to send. Only while
 * no agent runs: a server throws out whoever was there before under the same name.
 */
export async function tryLogin(options: LoginOptions): Promise<Login> {
  const { entry, line, limitMs, facts } = options;
  const permissions = permissionsOf(line, entry);
  const addresses = await resolveNames(
    namesIn(permissions),
    options.resolveName ?? resolveName,
    RESOLVE_LIMIT_MS,
  );
  const outcome = Promise.withResolvers<Login>();
  const refuse = (detail: string) => outcome.resolve({ isIn: false, detail });
  const { port1: ours, port2: storePort } = new MessageChannel(); // a store that never has anything
  const receive = (message: BackendToMain) => {
    switch (message.type) {
      case "announce": {
        const { value, faults } = resolveSecrets(entry.settings, message.settingsSchema, options.environment);
        if (faults.length > 0) return refuse(faults.join("; "));
        return life.send({ type: "check", settings: value, beatIntervalMs: 1000 });
      }
      case "checked":
        if (message.faults.length > 0) return refuse("its settings are not valid");
        return life.send({ type: "run", name: entry.name, facts, addresses, storePort }, [storePort]);
      case "connection":
        return outcome.resolve({ isIn: message.isConnected, detail: message.detail });
      case "keep":
        return options.keep(message.value);
      default:
        return; // what the server wants now, it will want again
    }
  };
  const life = new WorkerLife<MainToBackend, BackendToMain>({
    name: entry.name,
    module: line.module,
    permissions: withAddresses(permissions, addresses),
    generation: 1,
    watchdogMs: Infinity,
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    monotonic: () => performance.now(),
    onLog: () => {},
    decode: decodeFromBackend,
    onMessage: (message) => {
      try {
        receive(message as BackendToMain);
      } catch (error) {
        refuse(sentenceOf(error));
      }
    },
  });
  void life.ended.then((end) => refuse(describeEnd(end)));
  const late = { isIn: false, detail: `no answer within ${limitMs / 1000} s` };
  const login = await withLimit(outcome.promise, limitMs, late);
  life.send({ type: "teardown" });
  if (login.isIn) await withLimit(life.ended, GOODBYE_MS, undefined);
  await life.terminate();
  ours.close();
  return login;
}

function describeEnd(end: LifeEnd): string {
  return end.kind === "crashed" ? errorSentence(end.error) : `its worker ended (${end.kind})`;
}
