// Runs in: any worker thread.
import { describeFaults, faultsOf } from "./faults.ts";
import type { StateBroadcast, StateRequest, StateSnapshot, StateVerdict } from "./protocol.ts";
import type { JsonSchema } from "./secrets.ts";
import { type State, stateFields } from "./state.ts";
import * as z from "zod";

/** The name of the BroadcastChannel that main tells changes on. */
export const STATE_CHANNEL = "ivy-state";

/** How often an update is made again on a newer state before it is given up. */
const MAX_ATTEMPTS = 1000;

/** The shared state, as a procedure sees it. */
export interface SharedState {
  /** The whole state, never half of an update; costs nothing to read. Frozen: change it by {@link update}. */
  readonly current: State;
  /**
   * Changes the state: `change` edits a draft, and is called again on a newer one when another procedure changed
   * the same top-level field in between (so it must not have other effects). Resolves when main has the change and
   * `current` shows it; the other replicas show it moments later.
   *
   * @throws {TypeError} when the draft breaks the schema (with path and reason); nothing is changed then.
   */
  update(change: (draft: State) => void): Promise<void>;
  /**
   * The selected value now and after each change of it; who lags sees only the latest. Ends when the signal aborts.
   */
  watch<T>(select: (state: State) => T, options: { signal: AbortSignal }): AsyncGenerator<T, void, void>;
}

export interface ReplicaOptions {
  snapshot: StateSnapshot;
  generation: number;
  /** Asks main. */
  ask: (request: StateRequest) => Promise<{ verdict: StateVerdict; snapshot: StateSnapshot }>;
}

/** A full copy of the state that follows main's broadcasts and asks for the whole when one was lost. */
export class StateReplica implements SharedState {
  #current: State;
  #sequence: number;
  #options: ReplicaOptions;
  #catchingUp = false;
  #watchers = new Set<() => void>();

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#current = deepFreeze(options.snapshot.state);
    this.#sequence = options.snapshot.sequence;
  }

  get current(): State {
    return this.#current;
  }

  /** Takes a broadcast in; call it for each message of the channel. */
  receive({ sequence, fields }: StateBroadcast): void {
    if (sequence <= this.#sequence) return;
    const isNext = sequence === this.#sequence + 1 && Object.keys(fields).length > 0;
    if (isNext) this.#show({ sequence, state: { ...this.#current, ...fields } });
    else void this.#catchUp();
  }

  async update(change: (draft: State) => void): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const baseSequence = this.#sequence;
      const fields = changedFields(this.#current, change);
      if (Object.keys(fields).length === 0) return;
      const { generation } = this.#options;
      const { verdict, snapshot } = await this.#options.ask({
        kind: "change",
        generation,
        baseSequence,
        fields,
      });
      this.#show(snapshot);
      if (verdict.kind === "ok") return;
      if (verdict.kind === "refused") throw new TypeError(`state update refused: ${verdict.reason}`);
    }
    throw new Error(`state update given up: other procedures won ${MAX_ATTEMPTS} times in a row`);
  }

  async *watch<T>(
    select: (state: State) => T,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<T, void, void> {
    let last: T | undefined;
    for (let first = true; !signal.aborted;) {
      const value = select(this.#current);
      if (first || !sameValue(value, last)) {
        first = false;
        last = value;
        yield value;
        continue;
      }
      await this.#nextChange(signal);
    }
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#watchers.add(done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }

  #show(snapshot: StateSnapshot): void {
    if (snapshot.sequence <= this.#sequence) return;
    this.#sequence = snapshot.sequence;
    this.#current = deepFreeze(snapshot.state);
    for (const wake of [...this.#watchers]) wake();
  }

  async #catchUp(): Promise<void> {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    const { snapshot } = await this.#options.ask({ kind: "whole" });
    this.#catchingUp = false;
    this.#show(snapshot);
  }
}

/** The top-level fields that `change` leaves different, validated. */
function changedFields(current: State, change: (draft: State) => void): Partial<State> {
  const draft = structuredClone(current);
  const result: unknown = change(draft);
  if (result instanceof Promise) {
    throw new TypeError("state update refused: the update function must not be async");
  }
  const changed = (Object.keys(draft) as (keyof State)[]).filter((key) =>
    !sameValue(draft[key], current[key])
  );
  const faults = changed.flatMap((key) => {
    const schema: z.ZodType | undefined = stateFields[key];
    if (schema === undefined) return [`${key}: no such field in src/shared/state.ts`];
    const checked = schema.safeParse(draft[key]);
    if (checked.success) return [];
    return describeFaults(faultsOf(checked.error), z.toJSONSchema(schema) as JsonSchema, draft[key], [key]);
  });
  if (faults.length > 0) throw new TypeError(`state update refused: ${faults.join("; ")}`);
  return Object.fromEntries(changed.map((key) => [key, draft[key]]));
}

/** Equality of plain values, by structure. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue((a as never)[key], (b as never)[key]));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
