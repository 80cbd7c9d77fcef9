// Runs in: main thread.
import type { ErrorReport } from "../shared/errors.ts";
import { describeFaults, type Fault } from "../shared/faults.ts";
import type { Logger } from "../shared/logger.ts";
import type { LogEntry, MainToProcedure, NodeFacts, ProcedureToMain, Producer } from "../shared/protocol.ts";
import type { ProcedureLine, WorkerPermissions } from "../shared/registry.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { withLimit } from "../shared/time.ts";
import { explainDenied } from "./denied.ts";
import type { DeviceDoor } from "./device_door.ts";
import { answerDiskRequest } from "./disk_request.ts";
import type { StateAuthority } from "./state_authority.ts";
import { Supervisor, type WorkerStatus } from "./supervisor.ts";
import type { WorkerLife } from "./worker_life.ts";
import { decodeFromProcedure } from "./workers/decoders.ts";
import { BOOT_LIMIT_MS } from "./boot_limit.ts";

/** How long a procedure may take to do what a server asks, in milliseconds. */
const CALL_LIMIT_MS = 30_000;
const MEBIBYTE = 1_048_576;
/** Of the time that a procedure has to end, the share that its own worker divides up. */
const WORKERS_SHARE = 0.95;

export interface ProcedureHostOptions {
  name: string;
  line: ProcedureLine;
  /** The raw entry of the configuration, without `enabled`. */
  settings: Record<string, unknown>;
  /** The disk that the measurements are on. */
  dataFolder: string;
  node: NodeFacts;
  logger: Logger;
  onLog: (entry: LogEntry) => void;
  /** Puts secrets in place of references to them; its faults are sentences. */
  resolveSecrets: (settings: unknown, schema: JsonSchema) => { value: unknown; faults: string[] };
  state: StateAuthority;
  devices: DeviceDoor;
  /** Opens a door to the store for one worker. */
  openStorePort: (producer: Producer) => MessagePort;
  closeStorePort: (producer: Producer) => void;
  onUnstoppable: (name: string) => void;
  /** How often in a row it had failed when the agent restarted itself. */
  failuresBefore: number;
}

/** How a procedure's first boot went: whether its settings are right, or why that is not known. */
export type FirstCheck =
  | { kind: "checked"; faults: string[]; schema: JsonSchema }
  | { kind: "failed"; reason: string };

type Life = WorkerLife<MainToProcedure, ProcedureToMain>;

/** Runs one procedure under supervision: describes it, hands it its settings, opens its doors. */
export class ProcedureHost {
  readonly name: string;
  readonly firstCheck: Promise<FirstCheck>;
  /** Resolves when the procedure has been started once, or has failed to. */
  readonly attempted: Promise<void>;
  /** It has a test of its own, during which it needs its equipment alone. */
  hasSelfTest = true;
  /** What servers may call, with the schema of its parameters. */
  methods: Record<string, JsonSchema> = {};
  #options: ProcedureHostOptions;
  #supervisor: Supervisor<MainToProcedure, ProcedureToMain>;
  #schema: JsonSchema = {};
  #secretFaults: string[] = [];
  #resolveFirstCheck!: (check: FirstCheck) => void;
  #resolveAttempted!: () => void;
  /** Set once the agent has decided to run: until then a checked worker waits. */
  #mayRun = false;
  #isReady = false;
  /** When the equipment is free for the next one who asks. */
  #lastTurn: Promise<void> = Promise.resolve();
  /** The worker that was told to run. */
  #runningLife: Life | undefined;
  #calls = new Map<number, (answer: ProcedureToMain & { type: "call_answer" }) => void>();
  #lastCallId = 0;
  #announceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ProcedureHostOptions) {
    this.name = options.name;
    this.#options = options;
    this.firstCheck = new Promise((resolve) => this.#resolveFirstCheck = resolve);
    this.attempted = new Promise((resolve) => this.#resolveAttempted = resolve);
    this.#supervisor = new Supervisor<MainToProcedure, ProcedureToMain>({
      name: options.name,
      module: options.line.module,
      permissions: () => this.#permissions(),
      ...(options.line.watchdogSeconds === undefined
        ? {}
        : { watchdogMs: options.line.watchdogSeconds * 1000 }),
      ...(options.line.memoryLimitMb === undefined
        ? {}
        : { memoryLimitBytes: options.line.memoryLimitMb * MEBIBYTE }),
      logger: options.logger,
      onLog: options.onLog,
      decode: decodeFromProcedure,
      onStart: (life) => this.#start(life),
      onMessage: (life, message) => this.#receive(life, message),
      onEnd: (life) => this.#end(life),
      onUnstoppable: options.onUnstoppable,
      failuresBefore: options.failuresBefore,
      explain: (error) => this.#explain(error),
    });
  }

  /** Boots the worker and checks its settings; it runs after {@link run}. */
  start(): void {
    if (this.#supervisor.startsLate) this.#giveUpWaiting("it has failed too often to be waited for");
    this.#supervisor.start();
  }

  /** How often in a row it has failed. */
  get failures(): number {
    return this.#supervisor.failures;
  }

  /** Lets the procedure run, now and after each restart. */
  run(): void {
    this.#mayRun = true;
    if (this.#isReady && this.#supervisor.life !== undefined) this.#run(this.#supervisor.life);
  }

  async stop(graceMs: number): Promise<void> {
    await this.#supervisor.stop({ type: "teardown", graceMs: graceMs * WORKERS_SHARE }, graceMs);
  }

  /**
   * Ends the worker for as long as somebody else needs its equipment; who asks meanwhile waits for his turn.
   *
   * @returns what to call when the equipment is free again.
   */
  async pause(graceMs: number): Promise<() => void> {
    const before = this.#lastTurn;
    const turn = Promise.withResolvers<void>();
    this.#lastTurn = turn.promise;
    await before;
    await this.stop(graceMs);
    return turn.resolve;
  }

  /** Gives the worker a door to a store that was restarted. */
  reconnectStore(): void {
    const life = this.#supervisor.life;
    if (life === undefined || life !== this.#runningLife) return;
    const storePort = this.#options.openStorePort(this.#producer(life));
    life.send({ type: "store_port", storePort }, [storePort]);
  }

  /**
   * Calls a method of the procedure.
   *
   * @throws {Error} with a sentence for the server: it does not run, refuses, fails, or takes longer than 30 s.
   */
  async call(method: string, params: unknown): Promise<unknown> {
    const life = this.#runningLife;
    if (life === undefined) throw new Error(`the procedure ${this.name} does not run`);
    const callId = ++this.#lastCallId;
    const answered = new Promise<ProcedureToMain & { type: "call_answer" }>((resolve) =>
      this.#calls.set(callId, resolve)
    );
    life.send({ type: "call", callId, method, params });
    const answer = await withLimit(Promise.race([answered, life.ended]), CALL_LIMIT_MS, undefined);
    this.#calls.delete(callId);
    if (answer === undefined) throw new Error(`${method} was not done within ${CALL_LIMIT_MS / 1000} s`);
    if (!("callId" in answer)) throw new Error(`the procedure ${this.name} has ended meanwhile`);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  }

  /** The worker has sent the store what was not agreed on. */
  endInvalid(generation: number, reason: string): void {
    const life = this.#runningLife;
    if (life?.generation === generation) {
      life.end({ kind: "invalid_message", reason: `to the store: ${reason}` });
    }
  }

  status(): WorkerStatus {
    return this.#supervisor.status();
  }

  #start(life: Life): void {
    this.#isReady = false;
    this.#announceTimer = setTimeout(() => {
      const message = `its file did not announce a procedure within ${BOOT_LIMIT_MS / 1000} s`;
      life.end({ kind: "crashed", error: { name: "Error", message, stack: "" } });
    }, BOOT_LIMIT_MS);
  }

  #receive(life: Life, message: ProcedureToMain): void {
    switch (message.type) {
      case "announce":
        return this.#announced(life, message);
      case "checked":
        return this.#checked(life, message.faults);
      case "started":
        this.#supervisor.markRunning();
        return this.#resolveAttempted();
      case "call_answer":
        return this.#calls.get(message.callId)?.(message);
      case "device_request":
        return void this.#openDevice(life, message);
      case "disk_request":
        return life.send(answerDiskRequest(message, this.#options.dataFolder));
      case "torn_down":
        return life.end({ kind: "torn_down" });
      case "self_tested":
      case "beat":
      case "log":
      case "failed":
        return; // the first only in `ivy test`, the others are the supervisor's
      default:
        message satisfies never;
    }
  }

  #announced(
    life: Life,
    { name, settingsSchema, hasSelfTest, methods }: Extract<ProcedureToMain, { type: "announce" }>,
  ): void {
    clearTimeout(this.#announceTimer);
    if (name !== this.name) {
      const message = `its file defines a procedure named "${name}"; the names must be the same`;
      return life.end({ kind: "crashed", error: { name: "Error", message, stack: "" } });
    }
    this.#schema = settingsSchema;
    this.hasSelfTest = hasSelfTest;
    this.methods = methods;
    const resolved = this.#options.resolveSecrets(this.#options.settings, settingsSchema);
    this.#secretFaults = resolved.faults;
    life.send({ type: "check", settings: resolved.value, beatIntervalMs: this.#supervisor.beatIntervalMs });
  }

  #checked(life: Life, found: Fault[]): void {
    const described = describeFaults(found, this.#schema, this.#options.settings, ["procedures", this.name]);
    const faults = [...new Set([...this.#secretFaults, ...described])];
    this.#isReady = faults.length === 0;
    this.#resolveFirstCheck({ kind: "checked", faults, schema: this.#schema });
    if (this.#isReady && this.#mayRun) this.#run(life);
  }

  #run(life: Life): void {
    const { node, state } = this.#options;
    const storePort = this.#options.openStorePort(this.#producer(life));
    const { door, close } = state.openDoor((reason) => life.end({ kind: "invalid_message", reason }));
    void life.ended.then(close); // what a replaced worker still writes is not heard
    this.#runningLife = life;
    life.send({ type: "run", node, storePort, state: door }, [storePort, door.port]);
  }

  #end(life: Life): void {
    clearTimeout(this.#announceTimer);
    this.#giveUpWaiting("its worker ended before it could check its settings");
    this.#options.closeStorePort(this.#producer(life));
  }

  #giveUpWaiting(reason: string): void {
    this.#resolveFirstCheck({ kind: "failed", reason });
    this.#resolveAttempted();
  }

  async #openDevice(life: Life, request: ProcedureToMain & { type: "device_request" }): Promise<void> {
    life.send(await this.#options.devices.answer(request));
  }

  #permissions(): WorkerPermissions {
    try {
      return this.#options.line.permissions(this.#options.settings);
    } catch (error) {
      this.#options.logger.exception(
        "its permissions could not be worked out from its settings; it gets none",
        error,
      );
      return {};
    }
  }

  #producer(life: Life): Producer {
    return { name: this.name, generation: life.generation };
  }

  #explain(error: ErrorReport): string {
    return explainDenied(error, { name: this.name, file: "procedures/registry.ts" });
  }
}
