// Runs in: main thread.
import { sentenceOf } from "../shared/errors.ts";
import { CHARACTERS, FloodGuard, weightOf } from "../shared/flood_guard.ts";
import type { AuthorityToReplica, ReplicaToAuthority, StateDelta, StateDoor } from "../shared/protocol.ts";
import { InvalidMessageError } from "../shared/shape.ts";
import { digestOf } from "../shared/state_broadcasts.ts";
import { decodeFromReplica } from "../shared/state_decoders.ts";
import { defaultTexts, encodeField, type FieldTexts, type StateFields } from "../shared/state_fields.ts";
import { StateChannel } from "./state_channel.ts";
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
  onInvalid(reason: string): void;
  requests: FloodGuard;
  characters: FloodGuard;
}

/**
 * The one sequencer of the shared state: gives each change its place in the one order and tells everybody. Fields that
 * break their schema are the sender's failure: a replica checks them before it sends them.
 *
 * The first writer of a field wins. Who was slower is told the new state and has the next turn, so that everybody gets
 * through, however busy the others are.
 */
export class StateAuthority {
  #schema: StateFields;
  #fields = new Map<string, { text: string; changedAt: number }>();
  /** Of the latest change; the initial state is the first. */
  #sequence = 1;
  #broadcastSequence = 1;
  #broadcastTimer: ReturnType<typeof setTimeout> | undefined;
  #channel = new StateChannel(() => this.#broadcastSoon());
  #doors = new Set<Door>();
  #turn: { door: Door; limit: ReturnType<typeof setTimeout> } | undefined;
  /** Changes that came during somebody's turn. */
  #waiting: { door: Door; change: Change }[] = [];
  #tellTimer: ReturnType<typeof setTimeout> | undefined;
  #watchers = new Waiters();
  #isClosed = false;

  /** @param schema Every field of the state; it begins with their defaults. */
  constructor(schema: StateFields) {
    this.#schema = schema;
    this.#take(defaultTexts(schema));
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
   * @param onInvalid Told when the worker sends what was not agreed on; its door is closed then.
   * @returns the end to transfer to it, and a function that shuts it: what a worker sends after that is not heard.
   */
  openDoor(onInvalid: (reason: string) => void): { door: StateDoor; close: () => void } {
    const { port1, port2 } = new MessageChannel();
    const door: Door = {
      send: (message) => port1.postMessage(message),
      close: () => port1.close(),
      onInvalid,
      requests: new FloodGuard(() => performance.now()),
      characters: new FloodGuard(() => performance.now(), CHARACTERS),
    };
    port1.onmessage = (event: MessageEvent) => this.#receiveUnchecked(door, event.data);
    port1.onmessageerror = () => this.#refuse(door, "it cannot be read");
    this.#doors.add(door);
    return {
      door: { port: port2, channel: this.#channel.name, whole: this.deltaSince(0) },
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
    this.#channel.close();
  }

  #closeDoor(door: Door): void {
    this.#doors.delete(door);
    door.close();
    this.#waiting = this.#waiting.filter((entry) => entry.door !== door);
    if (this.#turn?.door === door) this.#endTurn();
  }

  #receiveUnchecked(door: Door, data: unknown): void {
    if (!this.#doors.has(door)) return; // its worker has been replaced
    try {
      this.#receive(door, decodeFromReplica(data));
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      this.#refuse(door, error.message);
    }
  }

  #refuse(door: Door, reason: string): void {
    this.#closeDoor(door);
    door.onInvalid(reason);
  }

  #receive(door: Door, request: ReplicaToAuthority): void {
    switch (request.type) {
      case "catch_up":
        door.requests.count();
        return door.send({ type: "missed", delta: this.deltaSince(request.since) });
      case "change":
        door.characters.count(weightOf(request.fields));
        return this.#change(door, { ...request, fields: this.#checked(door, request.fields) });
      default:
        request satisfies never;
    }
  }

  #change(door: Door, change: Change): void {
    if (this.#turn !== undefined && this.#turn.door !== door) {
      this.#waiting.push({ door, change });
      return;
    }
    clearTimeout(this.#turn?.limit);
    this.#turn = undefined;
    this.#judge(door, change);
    this.#judgeWaiting();
  }

  /** @throws {InvalidMessageError} when a field is not known or breaks its schema, or the worker does not wait its turn. */
  #checked(door: Door, fields: FieldTexts): FieldTexts {
    if (this.#waiting.some((entry) => entry.door === door)) {
      throw new InvalidMessageError("a change came before the one before it was answered");
    }
    return Object.fromEntries(
      Object.entries(fields).map(([name, text]) => {
        const schema = Object.hasOwn(this.#schema, name) ? this.#schema[name] : undefined;
        if (schema === undefined) {
          throw new InvalidMessageError(`the state has no field ${JSON.stringify(name)}`);
        }
        try {
          return [name, encodeField(name, schema, JSON.parse(text))];
        } catch (error) {
          throw new InvalidMessageError(`a field of the state is not valid: ${sentenceOf(error)}`);
        }
      }),
    );
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
    const isTold = this.#broadcastSequence === this.#sequence;
    if (isTold || this.#broadcastTimer !== undefined || !this.#channel.isFree) return;
    const delta = this.deltaSince(this.#broadcastSequence);
    this.#broadcastSequence = this.#sequence;
    this.#channel.send({ type: "changed", delta });
    const digest = digestOf(delta);
    for (const door of this.#doors) door.send({ type: "confirmed", sequence: delta.sequence, digest });
    this.#broadcastTimer = setTimeout(() => {
      this.#broadcastTimer = undefined;
      this.#broadcastSoon();
    }, BROADCAST_MS);
  }

  /** By the ports, which lose nothing. */
  #tellLatest(): void {
    this.#tellTimer = undefined;
    for (const door of this.#doors) door.send({ type: "latest", sequence: this.#sequence });
  }
}
