// Runs in: main thread.
import { errorSentence } from "../shared/errors.ts";
import { describeFaults } from "../shared/faults.ts";
import type { LogEntry, MainToProcedure, NodeFacts, ProcedureToMain } from "../shared/protocol.ts";
import type { ProcedureLine, WorkerPermissions } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { stateFields } from "../shared/state.ts";
import { pause } from "../shared/time.ts";
import { explainDenied } from "./denied.ts";
import { DeviceDoor } from "./device_door.ts";
import { resolveSecrets } from "./secret_values.ts";
import { answerDiskRequest } from "./disk_request.ts";
import { StateAuthority } from "./state_authority.ts";
import { WorkerLife } from "./worker_life.ts";
import { decodeFromProcedure } from "./workers/decoders.ts";
import { BOOT_LIMIT_MS } from "./boot_limit.ts";

export interface ProbeOptions {
  name: string;
  line: ProcedureLine;
  /** The raw entry of the configuration, without `enabled`; undefined = only ask for the schema. */
  settings: Record<string, unknown> | undefined;
  /** Also run the procedure's own test. */
  selfTest: boolean;
  node: NodeFacts;
  /** The disk that the measurements are on. */
  dataFolder: string;
  environment: Record<string, string>;
  onLog: (entry: LogEntry) => void;
}

export interface ProbeResult {
  /** Undefined when the procedure did not get so far. */
  schema: JsonSchema | undefined;
  /** What is wrong, as sentences; empty when all is well. */
  faults: string[];
}

const SELF_TEST_LIMIT_MS = 60_000;
const MEMORY_LIMIT_BYTES = 256 * 1_048_576;

type Life = WorkerLife<MainToProcedure, ProcedureToMain>;

/** Boots a procedure in its sandbox, without running it, to learn what it says of its settings and its hardware. */
export async function probeProcedure(options: ProbeOptions): Promise<ProbeResult> {
  const probe = new Probe(options);
  const limitMs = options.selfTest ? SELF_TEST_LIMIT_MS : BOOT_LIMIT_MS;
  const over = new AbortController();
  const late = pause(limitMs, over.signal).then(() => [`gave no answer within ${limitMs / 1000} s`]);
  const faults = await Promise.race([probe.faults, late]);
  over.abort();
  await probe.life.terminate();
  probe.state.close();
  return {
    schema: probe.schema,
    faults: faults.map((fault) =>
      fault.startsWith("procedures.") ? fault : `procedures.${options.name}: ${fault}`
    ),
  };
}

class Probe {
  readonly life: Life;
  readonly faults: Promise<string[]>;
  schema: JsonSchema | undefined;
  #options: ProbeOptions;
  /** A state of its own: a self-test tells the running procedures nothing. */
  readonly state = new StateAuthority(stateFields);
  #secretFaults: string[] = [];
  #devices: DeviceDoor;
  #finish!: (faults: string[]) => void;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#devices = new DeviceDoor({ procedure: options.name, grants: options.line.devices });
    this.faults = new Promise((resolve) => this.#finish = resolve);
    this.life = new WorkerLife<MainToProcedure, ProcedureToMain>({
      name: options.name,
      module: options.line.module,
      permissions: this.#permissions(),
      generation: 1,
      watchdogMs: Infinity,
      memoryLimitBytes: MEMORY_LIMIT_BYTES,
      monotonic: () => performance.now(),
      onLog: options.onLog,
      decode: decodeFromProcedure,
      onMessage: (message) => this.#receive(message),
    });
    void this.life.ended.then((end) => {
      if (end.kind !== "crashed") return this.#finish([`ended (${end.kind})`]);
      this.#finish([explainDenied(end.error, { name: options.name, file: "procedures/registry.ts" })]);
    });
  }

  #receive(message: Exclude<ProcedureToMain, { type: "beat" | "log" | "failed" }>): void {
    const { life } = this;
    switch (message.type) {
      case "announce":
        return this.#announced(message);
      case "checked":
        return this.#checked(message);
      case "self_tested":
        return this.#finish(
          message.error === null ? [] : [`its self-test failed: ${errorSentence(message.error)}`],
        );
      case "device_request":
        return void this.#devices.answer(message).then((answer) => life.send(answer));
      case "disk_request":
        return life.send(answerDiskRequest(message, this.#options.dataFolder));
      case "call_answer":
      case "started":
      case "torn_down":
        return; // nobody asked for these
      default:
        message satisfies never;
    }
  }

  #announced({ settingsSchema: schema, name: own }: ProcedureToMain & { type: "announce" }): void {
    this.schema = schema;
    const { settings, environment, name } = this.#options;
    if (own !== name) return this.#finish([`its file defines a procedure named "${own}"`]);
    if (settings === undefined) return this.#finish([]);
    const resolved = resolveSecrets(settings, schema, environment, ["procedures", name]);
    this.#secretFaults = resolved.faults;
    this.life.send({ type: "check", settings: resolved.value, beatIntervalMs: 1000 });
  }

  #checked({ faults: found }: ProcedureToMain & { type: "checked" }): void {
    const { settings, name, node, selfTest } = this.#options;
    const described = describeFaults(found, this.schema!, settings, ["procedures", name]);
    const { permissionFault: fault } = this.life;
    const denied = fault === undefined ? [] : [`its permissions are not valid: ${fault}`];
    const faults = [...new Set([...this.#secretFaults, ...described, ...denied])];
    if (faults.length > 0 || !selfTest) return this.#finish(faults);
    const { door } = this.state.openDoor((reason) => this.life.end({ kind: "invalid_message", reason }));
    this.life.send({ type: "self_test", node, state: door }, [door.port]);
  }

  #permissions(): WorkerPermissions {
    try {
      return this.#options.line.permissions(this.#options.settings ?? {});
    } catch {
      return {}; // settings of the wrong shape: the worker itself will say what is wrong with them
    }
  }
}
