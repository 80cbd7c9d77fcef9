// Runs in: tests.
import type { AuthorityToReplica, ReplicaToAuthority, StateDelta } from "../../src/shared/protocol.ts";
import { digestOf } from "../../src/shared/state_broadcasts.ts";
import { defaultTexts, type FieldTexts, type StateFields } from "../../src/shared/state_fields.ts";
import { StateReplica } from "../../src/shared/state_replica.ts";

/** Main as a replica sees it, moved by hand: nothing is delivered before the test says so. */
export class HandMovedMain<Fields extends StateFields> {
  readonly replica: StateReplica<Fields>;
  /** What the replica has sent and main has not looked at. */
  readonly requests: ReplicaToAuthority[] = [];
  /** Every state there was, by its place in the order. */
  readonly states: FieldTexts[];

  constructor(fields: Fields) {
    this.states = [{}, defaultTexts(fields)];
    const send = (request: ReplicaToAuthority) => void this.requests.push(structuredClone(request));
    this.replica = new StateReplica({ fields, whole: this.delta(0), send });
  }

  get sequence(): number {
    return this.states.length - 1;
  }

  /** Somebody else changes something. */
  change(fields: FieldTexts): void {
    this.states.push({ ...this.states.at(-1), ...fields });
  }

  delta(since: number, sequence = this.sequence): StateDelta {
    const [before, after] = [this.states[since]!, this.states[sequence]!];
    const changed = Object.entries(after).filter(([name]) =>
      this.states.slice(since, sequence + 1).some((state) => state[name] !== before[name])
    );
    return { since, sequence, fields: Object.fromEntries(changed) };
  }

  broadcast(since: number, sequence = this.sequence): void {
    const delta = this.delta(since, sequence);
    this.confirm(since, sequence);
    this.replica.receiveBroadcast(structuredClone({ type: "changed", delta }));
  }

  /** Main's word for a broadcast. */
  confirm(since: number, sequence = this.sequence): void {
    this.deliver({ type: "confirmed", sequence, digest: digestOf(this.delta(since, sequence)) });
  }

  deliver(message: AuthorityToReplica): void {
    this.replica.receive(structuredClone(message));
  }

  /** Answers the oldest request: as main would, or by refusing a change for once. */
  answer({ accept = true } = {}): ReplicaToAuthority {
    const request = this.requests.shift();
    if (request === undefined) throw new Error("the replica has asked for nothing");
    if (request.type === "catch_up") {
      this.deliver({ type: "missed", delta: this.delta(request.since) });
      return request;
    }
    if (accept) this.change(request.fields);
    this.deliver({ type: "judged", isAccepted: accept, delta: this.delta(request.since) });
    return request;
  }
}

/** Lets everything run that waits for nothing from outside. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
