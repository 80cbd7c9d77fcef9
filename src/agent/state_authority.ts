// Runs in: main thread.
import type { AuthorityToReplica, ReplicaToAuthority, StateDelta, StateDoor } from "../shared/protocol.ts";
import type { FieldTexts } from "../shared/state_fields.ts";
import { Waiters } from "../shared/state_waiters.ts";

/** How long after a broadcast the next one goes out at the earliest, in ms; it then carries all changes since. */
const BROADCAST_MS = 2;
/** How long after a change every replica is told the latest place, should a broadcast have been dropped, in ms. */
const TELL_LATEST_MS = 100;
/** How long a worker whose change came too late may take to make it again before the others go on, in ms. */
const TURN_LIMIT_MS = 50;

type Change = Extract<ReplicaToAuthority, { type: "change" }>;

/** Main's end of one worker's door. */
interface Door {
  send(message: AuthorityToReplica): void;
  close(): void;
}

/**
 * The one sequencer of the shared state: gives each change its place in the one order and tells everybody. It does not
 * look into the fields: they come validated, from replicas that hold the schema.
 *
 * The first writer of a field wins. Who was slower is told the new state and has the next turn, so that everybody gets
 * through, however busy the others are.
 */
export class StateAuthority {
  #fields = new Map<string, { text: string; changedAt: number }>();
  /** Of the latest change; the initial state is the first. */
  #sequence = 1;
  #broadcastSequence = 1;
  #broadcastTimer: ReturnType<typeof setTimeout> | undefined;
  #channelName = `ivy-state-${crypto.randomUUID()}`;
  #channel: BroadcastChannel | undefined;
  #doors = new Set<Door>();
  #turn: { door: Door; limit: ReturnType<typeof setTimeout> } | undefined;
  /** Changes that came during somebody's turn. */
  #waiting: { door: Door; change: Change }[] = [];
  #tellTimer: ReturnType<typeof setTimeout> | undefined;
  #watchers = new Waiters();
  #isClosed = false;

  /** @param initial Every field of the state. */
  constructor(initial: FieldTexts) {
    this.#take(initial);
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** What has changed after a place; since 0 the whole. */
  deltaSince(since: number): StateDelta {
    const changed = [...this.#fields].filter(([, { changedAt }]) => changedAt > since);
    const fields = Object.fromEntries(changed.map(([name, { text }]) => [name, text]));
    return { since, sequence: this.#sequence, fields };
  }

  /** The whole state as JSON. */
  get json(): string {
    const fields = [...this.#fields].map(([name, { text }]) => `${JSON.stringify(name)}:${text}`);
    return `{${fields.join(",")}}`;
  }

  /** Puts fields of a former life in place; only before the first door is opened. */
  restore(fields: FieldTexts): void {
    this.#take(fields);
  }

  /**
   * Opens a door for one worker.
   *
   * @returns the end to transfer to it, and a function that shuts it: what a worker sends after that is not heard.
   */
  openDoor(): { door: StateDoor; close: () => void } {
    const { port1, port2 } = new MessageChannel();
    const door: Door = { send: (message) => port1.postMessage(message), close: () => port1.close() };
    port1.onmessage = (event: MessageEvent) => this.#receive(door, event.data as ReplicaToAuthority);
    this.#doors.add(door);
    return {
      door: { port: port2, channel: this.#channelName, whole: this.deltaSince(0) },
      close: () => this.#closeDoor(door),
    };
  }

  /** Waits for a change after a place. @returns false when the signal aborted or the state was closed instead. */
  async changedSince(sequence: number, signal: AbortSignal): Promise<boolean> {
    while (this.#sequence <= sequence && !this.#isClosed && !signal.aborted) {
      await this.#watchers.next(signal);
    }
    return !this.#isClosed && !signal.aborted;
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.wakeAll();
    for (const door of [...this.#doors]) this.#closeDoor(door);
    clearTimeout(this.#tellTimer);
    clearTimeout(this.#broadcastTimer);
    this.#channel?.close();
  }

  #closeDoor(door: Door): void {
    this.#doors.delete(door);
    door.close();
    this.#waiting = this.#waiting.filter((entry) => entry.door !== door);
    if (this.#turn?.door === door) this.#endTurn();
  }

  #receive(door: Door, request: ReplicaToAuthority): void {
    if (!this.#doors.has(door)) return; // its worker has been replaced
    switch (request.type) {
      case "catch_up":
        return door.send({ type: "missed", delta: this.deltaSince(request.since) });
      case "change":
        if (this.#turn !== undefined && this.#turn.door !== door) {
          this.#waiting.push({ door, change: request });
          return;
        }
        clearTimeout(this.#turn?.limit);
        this.#turn = undefined;
        this.#judge(door, request);
        return this.#judgeWaiting();
      default:
        request satisfies never;
    }
  }

  #judgeWaiting(): void {
    while (this.#turn === undefined && this.#waiting.length > 0) {
      const { door, change } = this.#waiting.shift()!;
      this.#judge(door, change);
    }
  }

  #judge(door: Door, { since, touched, fields }: Change): void {
    const isAccepted = touched.every((name) => (this.#fields.get(name)?.changedAt ?? 0) <= since);
    if (isAccepted) this.#accept(fields);
    else this.#turn = { door, limit: setTimeout(() => this.#endTurn(), TURN_LIMIT_MS) };
    door.send({ type: "judged", isAccepted, delta: this.deltaSince(since) });
  }

  #endTurn(): void {
    clearTimeout(this.#turn?.limit);
    this.#turn = undefined;
    this.#judgeWaiting();
  }

  #accept(fields: FieldTexts): void {
    this.#sequence++;
    this.#take(fields);
    this.#broadcastSoon();
    this.#tellTimer ??= setTimeout(() => this.#tellLatest(), TELL_LATEST_MS);
    this.#watchers.wakeAll();
  }

  #take(fields: FieldTexts): void {
    for (const [name, text] of Object.entries(fields)) {
      this.#fields.set(name, { text, changedAt: this.#sequence });
    }
  }

  /** At once, then no more often than every {@link BROADCAST_MS}: a busy writer must not keep everybody else busy. */
  #broadcastSoon(): void {
    if (this.#broadcastTimer !== undefined) return;
    const delta = this.deltaSince(this.#broadcastSequence);
    this.#broadcastSequence = this.#sequence;
    this.#channel ??= new BroadcastChannel(this.#channelName);
    this.#channel.postMessage({ type: "changed", delta } satisfies AuthorityToReplica);
    this.#broadcastTimer = setTimeout(() => {
      this.#broadcastTimer = undefined;
      if (this.#broadcastSequence < this.#sequence) this.#broadcastSoon();
    }, BROADCAST_MS);
  }

  /** By the ports, which lose nothing. */
  #tellLatest(): void {
    this.#tellTimer = undefined;
    for (const door of this.#doors) door.send({ type: "latest", sequence: this.#sequence });
  }
}
