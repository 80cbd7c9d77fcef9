// Runs in: procedure worker.
import * as z from "zod";
import { sentenceOf } from "../shared/errors.ts";
import { describeFaults, faultsOf } from "../shared/faults.ts";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import type { ProcedureContext } from "./procedure.ts";

/** Something that a server may call, when the backend's `rpc.allow` names it. */
export interface RpcMethod<Params extends z.ZodType = z.ZodType, Settings = unknown> {
  /** Describes what the server must send; anything else is refused with a sentence that says what is wrong. */
  params: Params;
  /**
   * Does it, and gives what the server gets: plain values, or nothing. At most 30 s.
   *
   * @throws with a sentence that the server gets instead.
   */
  run(params: z.output<Params>, context: ProcedureContext<Settings>): unknown;
}

type Methods = Record<string, RpcMethod>;

/** What main tells servers of a procedure's methods. */
export function describeMethods(methods: Methods): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(methods).map((
      [name, { params }],
    ) => [name, z.toJSONSchema(params, { io: "input" }) as JsonSchema]),
  );
}

/** Does what a server asks, and answers main; never throws. */
export async function answerCall(
  { callId, method, params }: MainToProcedure & { type: "call" },
  methods: Methods,
  context: ProcedureContext<unknown> | undefined,
  send: (answer: ProcedureToMain) => void,
): Promise<void> {
  try {
    send({ type: "call_answer", callId, result: await call(method, params, methods, context) });
  } catch (error) {
    send({ type: "call_answer", callId, error: sentenceOf(error) });
  }
}

async function call(
  method: string,
  params: unknown,
  methods: Methods,
  context: ProcedureContext<unknown> | undefined,
): Promise<unknown> {
  const own = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (own === undefined) throw new Error(`there is no method ${method}`);
  if (context === undefined) throw new Error("the procedure does not run");
  const checked = own.params.safeParse(params);
  if (!checked.success) {
    const schema = z.toJSONSchema(own.params, { io: "input" }) as JsonSchema;
    throw new Error(describeFaults(faultsOf(checked.error), schema, params, ["params"]).join("; "));
  }
  return await own.run(checked.data, context);
}
