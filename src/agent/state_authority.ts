// Runs in: main thread.
import { describeFaults, faultsOf } from "../shared/faults.ts";
import type { StateBroadcast, StateRequest, StateSnapshot, StateVerdict } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { defaultState, type State, type StateField, stateSchema } from "../shared/state.ts";
import * as z from "zod";

/**
 * The one sequencer of the shared state: gives each accepted change a number and broadcasts it. The first writer of a
 * field wins; who was slower gets the new state and makes the change again.
 */
export class StateAuthority {
  #state: State;
  #sequence = 0;
  /** When each field was last changed. */
  #changedAt = new Map<StateField, number>();
  #broadcast: (change: StateBroadcast) => void;

  constructor(options: { broadcast: (change: StateBroadcast) => void; initial?: State }) {
    this.#broadcast = options.broadcast;
    this.#state = options.initial ?? defaultState();
  }

  get snapshot(): StateSnapshot {
    return { sequence: this.#sequence, state: this.#state };
  }

  /**
   * @param isCurrent False when the worker that asks has been replaced: what it writes is ignored.
   */
  answer(request: StateRequest, isCurrent: boolean): { verdict: StateVerdict; snapshot: StateSnapshot } {
    const verdict = request.kind === "whole" ? { kind: "ok" } as const : this.#change(request, isCurrent);
    return { verdict, snapshot: this.snapshot };
  }

  #change(request: StateRequest & { kind: "change" }, isCurrent: boolean): StateVerdict {
    if (!isCurrent) return { kind: "refused", reason: "this worker was replaced" };
    const keys = Object.keys(request.fields) as StateField[];
    if (keys.some((key) => (this.#changedAt.get(key) ?? 0) > request.baseSequence)) {
      return { kind: "conflict" };
    }
    const checked = stateSchema.safeParse({ ...this.#state, ...request.fields });
    if (!checked.success) {
      const schema = z.toJSONSchema(stateSchema, { io: "input" }) as JsonSchema;
      return {
        kind: "refused",
        reason: describeFaults(faultsOf(checked.error), schema, request.fields).join("; "),
      };
    }
    this.#sequence++;
    this.#state = { ...this.#state, ...request.fields };
    for (const key of keys) this.#changedAt.set(key, this.#sequence);
    this.#broadcast({ sequence: this.#sequence, fields: request.fields });
    return { kind: "ok" };
  }
}
