// Runs in: main thread.
import { describeFaults } from "../shared/faults.ts";
import type { BackendToMain, MainToBackend } from "../shared/protocol.ts";
import type { BackendLine } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { withLimit } from "../shared/time.ts";
import type { BackendEntry } from "./backend_host.ts";
import { explainDenied } from "./denied.ts";
import type { ProbeResult } from "./procedure_probe.ts";
import { resolveSecrets } from "./secret_values.ts";
import { WorkerLife } from "./worker_life.ts";
import { decodeFromBackend } from "./workers/decoders.ts";
import { BOOT_LIMIT_MS } from "./boot_limit.ts";

const MEMORY_LIMIT_BYTES = 256 * 1_048_576;

export interface BackendProbeOptions {
  provider: string;
  line: BackendLine;
  /** Undefined = only ask for the schema. */
  entry: BackendEntry | undefined;
  environment: Record<string, string>;
}

/** Boots a backend in its sandbox without any permission, to learn what it says of its settings; it does not connect. */
export async function probeBackend(options: BackendProbeOptions): Promise<ProbeResult> {
  const { provider, line, entry, environment } = options;
  const verdict = Promise.withResolvers<string[]>();
  let schema: JsonSchema | undefined;
  let secretFaults: string[] = [];
  const receive = (message: BackendToMain) => {
    if (message.type === "announce") {
      schema = message.settingsSchema;
      if (entry === undefined) return verdict.resolve([]);
      const resolved = resolveSecrets(entry.settings, schema, environment, ["backends", entry.index]);
      secretFaults = resolved.faults;
      life.send({ type: "check", settings: resolved.value, beatIntervalMs: 1000 });
    } else if (message.type === "checked") {
      const { settings, index } = entry!;
      const faults = describeFaults(message.faults, schema!, settings, ["backends", index]);
      verdict.resolve([...new Set([...secretFaults, ...faults])]);
    }
  };
  const life = new WorkerLife<MainToBackend, BackendToMain>({
    name: provider,
    module: line.module,
    permissions: {},
    generation: 1,
    watchdogMs: Infinity,
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    monotonic: () => performance.now(),
    onLog: () => {},
    decode: decodeFromBackend,
    onMessage: receive,
  });
  const at = entry === undefined ? `provider ${provider}` : `backends[${entry.index}]`;
  void life.ended.then((end) => {
    const why = end.kind === "crashed"
      ? explainDenied(end.error, { name: provider, file: "src/backends/registry.ts" })
      : `ended (${end.kind})`;
    verdict.resolve([`${at}: ${why}`]);
  });
  const late = [`${at}: gave no answer within ${BOOT_LIMIT_MS / 1000} s`];
  const faults = await withLimit(verdict.promise, BOOT_LIMIT_MS, late);
  await life.terminate();
  return { schema, faults };
}
