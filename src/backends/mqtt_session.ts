// Runs in: backend worker.
import { Buffer } from "node:buffer";
import { type LinkEnd, RefusedError } from "../runtime/backend.ts";
import { withLimit } from "../shared/time.ts";
import { createCheapTimer } from "./cheap_timer.ts";
import { type IClientOptions, type IClientPublishOptions, MqttClient } from "./mqtt_client.ts";
import { faultOf, isVersionRefusal, REASONS } from "./mqtt_reasons.ts";
import type { MqttConnection } from "./mqtt_settings.ts";
import { explainSocketError, isHangUp, isVague, openSocket } from "./mqtt_socket.ts";
import { createOutgoingStore } from "./outgoing_store.ts";
import { PublishSlots } from "./publish_slots.ts";

/** How long a goodbye in good order may take, in milliseconds. */
const GOODBYE_LIMIT_MS = 1000;
/** Largest packet that we take, in bytes; a configuration has at most 1 MiB. */
const MAX_INCOMING_BYTES = 2_097_152;
/** What mqtt.js says of whatever was under way when a connection ended. */
const CLOSED = "Connection closed";

/** The server has taken a publish and given it to nobody (MQTT 5 alone can say so). */
const NO_SUBSCRIBERS = 16;
const UNHEARD = "nobody has subscribed to it";

export type MqttVersion = 4 | 5;

export interface SessionOptions {
  connection: MqttConnection;
  clientId: string;
  /** 5, or 4 for MQTT 3.1.1. */
  version: MqttVersion;
  will?: { topic: string; payload: string; retain: boolean };
  /** Told of every message from the server. */
  onMessage: (topic: string, payload: Uint8Array) => void;
  signal: AbortSignal;
  /** Where the host is; undefined = by its name. */
  address: string | undefined;
  /** How long it may take to be let in, in milliseconds. */
  limitMs: number;
}

/** The server could not be entered. */
export class EntryError extends Error {
  override name = "EntryError";
  /** It does not speak the version, or (`perhaps`) left without a word; trying the other version may help. */
  readonly isVersion: "yes" | "no" | "perhaps";
  /** The message may hide what is really wrong with the server's certificate. */
  readonly isVague: boolean;
  /** The server's own answer, where it gave one. */
  readonly code: number | undefined;
  constructor(
    message: string,
    { isVersion = "no", isVague = false, code }: Partial<
      Pick<EntryError, "isVersion" | "isVague" | "code">
    > = {},
  ) {
    super(message);
    this.isVersion = isVersion;
    this.isVague = isVague;
    this.code = code;
  }
}

/** What the server allows, as far as MQTT 5 lets it say so. */
export interface SessionLimits {
  /** Publishes that may be unacknowledged. */
  window: number;
  /** Largest packet that it takes, in bytes; Infinity when it does not say. */
  maxPacketBytes: number;
  mayRetain: boolean;
}

/** One MQTT connection, from CONNACK to its end. */
export class MqttSession {
  readonly limits: SessionLimits;
  readonly ended: Promise<LinkEnd>;
  readonly version: MqttVersion;
  readonly slots: PublishSlots;
  #client: MqttClient;
  #resolveEnded!: (end: LinkEnd) => void;
  /** Packet ids of publishes that nobody has got: mqtt.js says of them what it says of the others. */
  #unheard = new Set<number>();

  constructor(client: MqttClient, version: MqttVersion, limits: SessionLimits) {
    this.#client = client;
    this.version = version;
    this.limits = limits;
    this.slots = new PublishSlots(limits.window);
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    client.on("packetreceive", (packet) => {
      if (packet.cmd === "puback" && packet.reasonCode === NO_SUBSCRIBERS) {
        this.#unheard.add(packet.messageId!);
      }
    });
  }

  /**
   * Subscribes with QoS 1; with MQTT 5 not to one's own publishes.
   *
   * @returns the topics that the server refuses, each with its reason. When the connection ends first it never settles.
   */
  async subscribe(topics: string[]): Promise<{ topic: string; reason: string }[]> {
    if (topics.length === 0) return [];
    const granted = await new Promise<number[]>((resolve, reject) => {
      // nl: what this node publishes must not come back to it
      this.#client.subscribe(
        topics,
        { qos: 1, ...(this.version === 5 ? { nl: true } : {}) },
        (error, _subscriptions, packet) => {
          const codes = (packet as { granted?: number[] } | undefined)?.granted;
          if (codes !== undefined) resolve(codes);
          else if (error?.message !== CLOSED) {
            reject(error ?? new Error("the server did not answer the subscription"));
          }
        },
      );
    });
    return topics.flatMap((topic, index) => {
      const code = granted[index] ?? 128;
      return code < 128 ? [] : [{ topic, reason: REASONS.get(code) ?? `reason ${code}` }];
    });
  }

  /** What is said beside the deliveries; resolves with the server's acknowledgement. See {@link publish}. */
  say(topic: string, payload: string, options: { retain?: boolean } = {}): Promise<void> {
    return this.#publishIn(topic, payload, { qos: 1, retain: options.retain ?? false }, true);
  }

  /**
   * Publishes with QoS 1; resolves with the server's acknowledgement.
   *
   * @param options.mustReachSomebody The server saying that nobody has subscribed is a no; MQTT 3.1.1 cannot say it.
   * @throws {RefusedError} when the server says no. When the connection ends first it never settles.
   */
  publish(
    topic: string,
    payload: string,
    { userProperties, mustReachSomebody = false }: {
      userProperties?: Record<string, string>;
      mustReachSomebody?: boolean;
    } = {},
  ): Promise<void> {
    const properties = userProperties === undefined ? {} : { properties: { userProperties } };
    return this.#publishIn(topic, payload, { qos: 1, ...properties }, false, mustReachSomebody);
  }

  #publishIn(
    topic: string,
    payload: string,
    options: IClientPublishOptions,
    isBeside: boolean,
    mustReachSomebody = false,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const publish = () =>
        this.#client.publish(topic, payload, options, (error, packet) => {
          const code = (error as { code?: unknown } | undefined)?.code;
          const isAnswered = error === undefined || error === null || typeof code === "number";
          if (!isAnswered) return; // the connection is over
          this.slots.release(isBeside);
          const isUnheard = this.#unheard.delete(packet?.messageId ?? 0) && mustReachSomebody;
          if (typeof code === "number") {
            reject(new RefusedError(REASONS.get(code) ?? `reason ${code}`, faultOf(code)));
          } else if (isUnheard) reject(new RefusedError(UNHEARD, "circumstances"));
          else resolve();
        });
      this.slots.take(publish, isBeside);
    });
  }

  /**
   * Waits for something that needs the connection.
   *
   * @throws {Error} when the connection ends first.
   */
  async whileOpen<T>(work: Promise<T>): Promise<T> {
    const lost = this.ended.then(({ reason }) => {
      throw new Error(reason);
    });
    lost.catch(() => {}); // the race may be over long before
    return await Promise.race([work, lost]);
  }

  /** Says goodbye and ends, or just ends. */
  async close({ reason, isGraceful }: { reason: string; isGraceful: boolean }): Promise<void> {
    this.over({ reason, byServer: false });
    const ending = new Promise<void>((resolve) => this.#client.end(!isGraceful, {}, () => resolve()));
    // a client that ends in good order waits for every acknowledgement that is still owed
    if (await withLimit(ending.then(() => true), GOODBYE_LIMIT_MS, false)) return;
    await new Promise<void>((resolve) => this.#client.end(true, {}, () => resolve()));
  }

  /** Notes how it ended; the first reason counts. */
  over(end: LinkEnd): void {
    this.#resolveEnded(end);
  }
}

/**
 * Connects.
 *
 * @throws {EntryError} also when the signal aborts.
 */
export function openSession(options: SessionOptions): Promise<MqttSession> {
  const { connection, version, signal, onMessage } = options;
  const problem = noteProblem(connection);
  const client = new MqttClient(
    () => problem.watch(openSocket(connection, options.address)),
    clientOptions(options),
  );
  const abort = () => client.end(true);
  signal.addEventListener("abort", abort, { once: true });
  return new Promise((resolve, reject) => {
    let session: MqttSession | undefined;
    client.on("connect", ({ properties }) => {
      signal.removeEventListener("abort", abort); // from here on its owner decides
      resolve(session = new MqttSession(client, version, limitsOf(properties, connection)));
    });
    client.on("message", onMessage);
    client.on("disconnect", ({ reasonCode = 0 }) => {
      problem.note(`the server ended the connection: ${REASONS.get(reasonCode) ?? reasonCode}`, true);
    });
    client.on("error", (error) => {
      const { code } = error as { code?: unknown };
      const isSilent = error.message === "connack timeout"; // mqtt.js's words
      const silence = `${connection.host}:${connection.port} does not answer`;
      const reason = typeof code === "number" ? refusal(code) : isSilent ? silence : error.message;
      problem.note(reason, typeof code === "number");
      if (typeof code === "number") {
        reject(new EntryError(refusal(code), { isVersion: isVersionRefusal(code) ? "yes" : "no", code }));
      }
      client.end(true); // whatever it was: what follows cannot be trusted
    });
    client.on("close", () => {
      signal.removeEventListener("abort", abort);
      const { host, port } = connection;
      const silence = `${host}:${port} closed the connection before it let us in`;
      const { first, isVague } = problem;
      const isVersion = first === undefined ? "perhaps" : "no";
      reject(new EntryError(first?.reason ?? silence, { isVersion, isVague }));
      session?.over(first ?? { reason: "the server closed the connection", byServer: true });
    });
  });
}

function refusal(code: number): string {
  return `the server refuses the connection: ${REASONS.get(code) ?? `reason ${code}`}`;
}

/** Keeps the first thing that went wrong: what follows are consequences. */
function noteProblem(connection: MqttConnection) {
  const problem = {
    first: undefined as LinkEnd | undefined,
    isVague: false,
    note(reason: string, byServer: boolean) {
      problem.first ??= { reason, byServer };
    },
    watch(socket: ReturnType<typeof openSocket>) {
      socket.on("error", (error: Error & { code?: string }) => {
        problem.isVague ||= isVague(error);
        problem.note(explainSocketError(error, connection), isHangUp(error));
      });
      return socket;
    },
  };
  return problem;
}

function clientOptions({ connection, clientId, version, will, limitMs }: SessionOptions): IClientOptions {
  return {
    protocolVersion: version,
    clientId,
    clean: true, // what was not acknowledged is in the outbox; what the server has for us is retained or asked for
    keepalive: connection.keep_alive_seconds,
    connectTimeout: limitMs,
    reconnectPeriod: 0,
    resubscribe: false,
    timerVariant: createCheapTimer() as never,
    log: () => {}, // by default it asks for every step whether somebody wants to read of it
    outgoingStore: createOutgoingStore(),
    ...(version === 5 ? { properties: { maximumPacketSize: MAX_INCOMING_BYTES } } : {}),
    ...(connection.username === undefined ? {} : { username: connection.username }),
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload), qos: 1 } }),
  };
}

function limitsOf(
  properties: { receiveMaximum?: number; maximumPacketSize?: number; retainAvailable?: boolean } | undefined,
  { max_in_flight: own }: MqttConnection,
): SessionLimits {
  return {
    window: Math.min(own, properties?.receiveMaximum ?? 65_535),
    maxPacketBytes: properties?.maximumPacketSize ?? Infinity,
    mayRetain: properties?.retainAvailable ?? true,
  };
}
