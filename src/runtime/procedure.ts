// Runs in: procedure worker.
import type * as z from "zod";
import type { Logger } from "../shared/logger.ts";
import type { Messages } from "../shared/message_sender.ts";
import type { DiskSpace, NodeFacts } from "../shared/protocol.ts";
import type { State } from "../shared/state.ts";
import type { SharedState } from "../shared/state_replica.ts";
import { bootProcedure } from "./boot.ts";
import type { RpcMethod } from "./calls.ts";
import type { Devices } from "./devices.ts";
import type { Tick } from "./ticks.ts";

export { pause } from "../shared/time.ts";
export type { Data, Level } from "../shared/message.ts";
export type { DiskSpace, NodeFacts } from "../shared/protocol.ts";
export type { State } from "../shared/state.ts";
export type { SharedState } from "../shared/state_replica.ts";
export type { DeepReadonly } from "../shared/state_fields.ts";
export { type Reference, secret } from "../shared/secrets.ts";
export type { Logger, Messages };
export type { RpcMethod } from "./calls.ts";
export type { Devices } from "./devices.ts";
export { type LineOptions, linesOf } from "./lines.ts";
export type { Tick } from "./ticks.ts";

/** What a procedure may know about the node it runs on, and ask of it. */
export interface Node extends NodeFacts {
  /** Space on the disk that the measurements are on; needs no permission. @throws when it cannot be found out. */
  disk(): Promise<DiskSpace>;
}

/** What a procedure works with. */
export interface ProcedureContext<Settings> {
  /** The procedure's entry in the configuration, validated, without `enabled`. */
  config: Settings;
  /** Ticks at whole multiples of `seconds` of the wall clock; the loop ends at teardown. */
  every(seconds: number): AsyncGenerator<Tick, void, void>;
  /** The door to the store: where measurements go. */
  messages: Messages;
  /** What all procedures share. */
  state: SharedState<State>;
  /** Writes lines under the procedure's name. */
  logger: Logger;
  /** Files below `/proc`, `/sys` and `/dev`. */
  devices: Devices;
  /** What it may know about the node. */
  node: Node;
  /** Aborts when the procedure has to end: pass it to whatever waits. */
  signal: AbortSignal;
}

/** The parameters of each method, by its name. */
export type ParamsOf = Record<string, z.ZodType>;

/** What {@link defineProcedure} takes. */
export interface Procedure<Schema extends z.ZodType = z.ZodType, Params extends ParamsOf = ParamsOf> {
  /** As in `procedures/registry.ts` and in the configuration. */
  name: string;
  /** Describes the procedure's settings; a `z.strictObject`, so that a misspelt key is an error. */
  config: Schema;
  /** Brings the equipment into a safe state before `run`: after a power cut nobody has torn down. */
  setup?(context: ProcedureContext<z.output<Schema>>): Promise<void> | void;
  /** Measures until `signal` aborts. When it throws or returns earlier, the procedure is restarted, with backoff. */
  run(context: ProcedureContext<z.output<Schema>>): Promise<void>;
  /**
   * Closes the valve, lets go of the port. Called when `run` has ended, also by an error, or has gone on for 9 s after
   * `signal`. The whole end may take 30 s.
   */
  teardown?(context: ProcedureContext<z.output<Schema>>): Promise<void> | void;
  /** Part of `ivy test`: throws when the hardware is not there. The running procedure is paused meanwhile. */
  selfTest?(context: ProcedureContext<z.output<Schema>>): Promise<void> | void;
  /**
   * What a server may call while the procedure runs, by name: `set_valve: { params: z.strictObject({ open: z.boolean() }),
   * run: ({ open }) => valve.set(open) }`. Off until a backend's `rpc.allow` names it; names are unique in a node.
   */
  rpc?: { [Method in keyof Params]: RpcMethod<Params[Method], z.output<Schema>> };
}

/**
 * Defines a procedure. In a worker this also connects it to the agent; imported elsewhere (in a test) it only returns
 * the definition, whose `run` can be called with a context of one's own.
 */
export function defineProcedure<Schema extends z.ZodType, Params extends ParamsOf = Record<never, never>>(
  procedure: Procedure<Schema, Params>,
): Procedure<Schema, Params> {
  if ("WorkerGlobalScope" in globalThis) bootProcedure(procedure as unknown as Procedure);
  return procedure;
}
