// Runs in: any worker thread.
import type { AuthorityToReplica, ReplicaToAuthority, StateDelta } from "./protocol.ts";
import { StateBroadcasts } from "./state_broadcasts.ts";
import { StateAttempt } from "./state_attempt.ts";
import type { DeepReadonly, FieldTexts, StateFields, StateOf } from "./state_fields.ts";
import { Waiters } from "./state_waiters.ts";

/** How many waiting updates go to main as one change: few enough to be made again quickly when another wins. */
const MAX_BATCH = 50;

/** The shared state, as a procedure sees it. */
export interface SharedState<State> {
  /**
   * The whole state, never half of an update and never older than what was seen before; costs no message. Frozen:
   * change it by {@link update}.
   */
  readonly current: DeepReadonly<State>;
  /**
   * Changes the state: `change` edits a draft, at once and without waiting. All its edits become visible together.
   * When another procedure changed a field that `change` has read or written, before main had this one, it is called
   * again on the newer state: it must be quick and have no other effects.
   *
   * Resolves when main has put the change into its order and `current` shows it; the other replicas show it moments
   * later, and it is on disk about a second later.
   *
   * @throws {TypeError} with path and reason when the draft breaks the schema, is no plain data, or one of its
   * top-level fields weighs more than 64 KiB; and whatever `change` throws. Nothing is changed then.
   */
  update(change: (draft: State) => void): Promise<void>;
  /**
   * The selected value now, then after each change of it. Who is slow misses values in between, never the latest.
   * Ends when the signal aborts.
   */
  watch<T>(
    select: (state: DeepReadonly<State>) => T,
    options: { signal: AbortSignal },
  ): AsyncGenerator<T, void, void>;
}

export interface ReplicaOptions<Fields extends StateFields> {
  fields: Fields;
  /** The whole state to start from. */
  whole: StateDelta;
  /** The way to main. */
  send: (request: ReplicaToAuthority) => void;
}

interface Update<State> {
  change: (draft: State) => void;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A full copy of the state that follows main's order, and asks main for what it missed. */
export class StateReplica<Fields extends StateFields> implements SharedState<StateOf<Fields>> {
  #options: ReplicaOptions<Fields>;
  #sequence = 0;
  #texts: FieldTexts = {};
  #current = {} as DeepReadonly<StateOf<Fields>>;
  /** Fields whose text is newer than `#current`. */
  #stale = new Set<string>();
  #watchers = new Waiters();
  #waiting: Update<StateOf<Fields>>[] = [];
  /** The updates that main is judging. */
  #batch: Update<StateOf<Fields>>[] = [];
  #isCatchingUp = false;
  #broadcasts = new StateBroadcasts((delta) => this.#apply(delta));

  constructor(options: ReplicaOptions<Fields>) {
    this.#options = options;
    this.#apply(options.whole);
  }

  /** The place in main's order that `current` shows. */
  get sequence(): number {
    return this.#sequence;
  }

  get current(): DeepReadonly<StateOf<Fields>> {
    if (this.#stale.size > 0) this.#refresh();
    return this.#current;
  }

  /** Takes what came on the channel, from whomever. */
  receiveBroadcast(data: unknown): void {
    this.#broadcasts.receive(data);
  }

  /** Takes what main sends by the port. */
  receive(message: AuthorityToReplica): void {
    switch (message.type) {
      case "confirmed":
        return this.#broadcasts.confirm(message.sequence, message.digest);
      case "latest":
        return this.#catchUpTo(message.sequence);
      case "missed":
        this.#isCatchingUp = false;
        return this.#apply(message.delta);
      case "judged":
        return this.#judged(message.isAccepted, message.delta);
      default:
        message satisfies never;
    }
  }

  update(change: (draft: StateOf<Fields>) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ change, resolve, reject }) === 1) queueMicrotask(() => this.#sendBatch());
    });
  }

  async *watch<T>(
    select: (state: DeepReadonly<StateOf<Fields>>) => T,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<T, void, void> {
    let last: T | undefined;
    for (let isFirst = true; !signal.aborted;) {
      const value = select(this.current);
      if (isFirst || !sameValue(value, last)) {
        isFirst = false;
        last = value;
        yield value;
      } else await this.#watchers.next(signal);
    }
  }

  #apply({ since, sequence, fields }: StateDelta): void {
    if (sequence <= this.#sequence) return;
    if (since > this.#sequence) return this.#catchUpTo(sequence);
    for (const [name, text] of Object.entries(fields)) {
      if (this.#texts[name] === text) continue;
      this.#texts[name] = text;
      this.#stale.add(name);
    }
    this.#sequence = sequence;
    this.#watchers.wakeAll();
  }

  #catchUpTo(sequence: number): void {
    if (sequence <= this.#sequence || this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    this.#options.send({ type: "catch_up", since: this.#sequence });
  }

  #refresh(): void {
    const fresh = [...this.#stale].map((name) => [name, deepFreeze(JSON.parse(this.#texts[name]!))]);
    this.#current = Object.freeze({ ...this.#current, ...Object.fromEntries(fresh) });
    this.#stale.clear();
  }

  /** Runs the waiting updates on the state at hand and sends what they change; one change at a time is under way. */
  #sendBatch(): void {
    while (this.#batch.length === 0 && this.#waiting.length > 0) {
      const attempt = new StateAttempt(this.#options.fields, this.#texts);
      const batch = this.#waiting.splice(0, MAX_BATCH).filter((update) => tryUpdate(attempt, update));
      if (Object.keys(attempt.changed).length === 0) batch.forEach(({ resolve }) => resolve());
      else {
        this.#batch = batch;
        const { touched, changed: fields } = attempt;
        this.#options.send({ type: "change", since: this.#sequence, touched: [...touched], fields });
      }
    }
  }

  #judged(isAccepted: boolean, delta: StateDelta): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#apply(delta);
    if (isAccepted) batch.forEach(({ resolve }) => resolve());
    else this.#waiting.unshift(...batch);
    this.#sendBatch();
  }
}

/** @returns false when the update has failed and told so. */
function tryUpdate<State>(attempt: StateAttempt, { change, reject }: Update<State>): boolean {
  try {
    attempt.run(change);
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
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
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
