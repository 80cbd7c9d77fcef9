// Runs in: backend worker.
import { Buffer } from "node:buffer";
import type * as z from "zod";
import {
  type Backend,
  type BackendContext,
  type CommonSettings,
  defineBackend,
  type Driver,
  type Link,
  type Logger,
  type ParcelLimits,
  SideWork,
} from "../runtime/backend.ts";
import { sentenceOf } from "../shared/errors.ts";
import { withLimit } from "../shared/time.ts";
import { AddressChoice } from "./address_choice.ts";
import { NoAnswerError } from "./first_to_answer.ts";
import { isElsewhere } from "./mqtt_reasons.ts";
import { EntryError, type MqttSession, openSession, type SessionOptions } from "./mqtt_session.ts";
import type { MqttConnection } from "./mqtt_settings.ts";
import { diagnoseTls, explainSocketError } from "./mqtt_socket.ts";
import { createVersionChoice } from "./version_choice.ts";

/** What one kind of MQTT server wants to hear, and what it says. */
export interface MqttDialect {
  encode: Driver["encode"];
  /** How elements become payloads, once a connection is there; the server's packet limit is looked after elsewhere. */
  parcel(): ParcelLimits;
  /** Most publishes in flight, besides the connection's own limit. */
  window?(): number;
  subscriptions: string[];
  /** A message on one of the subscribed topics; any bytes. */
  heard(topic: string, payload: Uint8Array, session: MqttSession): void;
  /** A retained message that says whether this node is there; the server says `offline` itself when the node is lost. */
  presence?: { topic: string; online: string; offline: string };
  /** A message that the broker gives to nobody is not delivered: it is held back until somebody has subscribed. */
  mustReachSomebody: boolean;
  /** Travels with every message where the server speaks MQTT 5. */
  userProperties?: Record<string, string>;
  /** Called before each connection. @returns what stands in for the configured settings of the connection. */
  credentials?(enterAs: EnterAs): Promise<Credentials>;
  /**
   * Called once the server has answered the subscriptions, or long has not: says and asks what is to be said and asked
   * beside the deliveries. They begin when it resolves, and at the latest after {@link ENTER_LIMIT_MS}.
   */
  entered?(session: MqttSession, isOver: AbortSignal): Promise<void>;
  pace?: Link["pace"];
  factsChanged?: Driver["factsChanged"];
  bringPackage?: Driver["bringPackage"];
  tellReport?: Driver["tellReport"];
}

/** It takes no retained messages, and the will was one. */
const RETAIN_NOT_SUPPORTED = 154;
/** How long deliveries wait for what a dialect wants to know first, in milliseconds. */
const ENTER_LIMIT_MS = 3000;
/** How long the dialect waits for its subscriptions, in milliseconds: then it asks all the same. */
const SUBSCRIBE_LIMIT_MS = 2000;
/** How long it may take to say that this node goes, in milliseconds. */
const GOODBYE_LIMIT_MS = 500;

type Will = NonNullable<SessionOptions["will"]>;
export type Credentials = Partial<Pick<MqttConnection, "client_id" | "username" | "password">>;

/** Opens a connection of its own with other credentials; who opens it closes it. */
export type EnterAs = (
  credentials: Credentials,
  onMessage: (topic: string, payload: Uint8Array) => void,
) => Promise<MqttSession>;

export interface MqttBackend<Schema extends z.ZodType<CommonSettings & { mqtt_connection: MqttConnection }>>
  extends Omit<Backend<Schema>, "open"> {
  speak(context: BackendContext<z.output<Schema>>): MqttDialect;
}

/** Defines a backend that talks MQTT: it brings its dialect, everything else is here. */
export function defineMqttBackend<
  Schema extends z.ZodType<CommonSettings & { mqtt_connection: MqttConnection }>,
>(
  { speak, ...backend }: MqttBackend<Schema>,
): Backend<Schema> {
  return defineBackend<Schema>({ ...backend, open: (context) => createMqttDriver(speak(context), context) });
}

function createMqttDriver(
  dialect: MqttDialect,
  context: BackendContext<{ mqtt_connection: MqttConnection }>,
): Driver {
  const { config: { mqtt_connection: connection }, name, facts, logger, inbox } = context;
  const places = new AddressChoice({
    addresses: context.addresses[connection.host] ?? [],
    port: connection.port,
    isFinal: (error) => error instanceof EntryError && error.code !== undefined && !isElsewhere(error.code),
    sumUp: (errors) => sumUpEntry(errors, connection),
  });
  const versions = createVersionChoice();
  const defaultId = connection.client_id ?? `ivy-${facts.systemIdentifier}-${name}`;
  const beside = createBeside(dialect, logger);
  /** The server takes no retained messages, so no retained will either. */
  let mayRetain = true;
  /** Found out once per outage: it takes a connection of its own. */
  let diagnosis: string | undefined;
  return {
    encode: dialect.encode,
    ...(dialect.factsChanged === undefined ? {} : { factsChanged: dialect.factsChanged }),
    ...(dialect.bringPackage === undefined ? {} : { bringPackage: dialect.bringPackage }),
    ...(dialect.tellReport === undefined ? {} : { tellReport: dialect.tellReport }),
    async connect(signal) {
      const enterAs = async (
        credentials: Credentials,
        onMessage: SessionOptions["onMessage"],
        will?: Will,
      ) => {
        const own = { ...connection, ...credentials };
        const clientId = own.client_id ?? defaultId;
        const version = versions.next;
        const open = (address: string | undefined, limitMs: number) =>
          openSession({
            connection: own,
            clientId,
            version,
            onMessage,
            signal,
            address,
            limitMs,
            ...(will === undefined ? {} : { will }),
          });
        try {
          const session = await places.enter(open, signal);
          versions.worked(session.version);
          diagnosis = undefined;
          return session;
        } catch (error) {
          if (!(error instanceof EntryError)) throw error;
          versions.failed(error.isVersion);
          if (error.code === RETAIN_NOT_SUPPORTED) mayRetain = false;
          if (error.isVague) diagnosis ??= await diagnoseTls(own);
          throw error.isVague && diagnosis !== undefined ? new Error(diagnosis) : error;
        }
      };
      const credentials = await dialect.credentials?.(enterAs) ?? {};
      const heard = (topic: string, payload: Uint8Array) => {
        try {
          dialect.heard(topic, payload, session);
        } catch (error) { // whatever a server sends, messages go on
          inbox.garbage(`on ${topic}: ${sentenceOf(error)}`);
        }
      };
      const { presence } = dialect;
      const will = presence && { topic: presence.topic, payload: presence.offline, retain: mayRetain };
      const session: MqttSession = await enterAs(credentials, heard, will);
      await withLimit(Promise.race([beside(session), session.ended]), ENTER_LIMIT_MS, undefined);
      return createLink(session, dialect, connection, credentials.client_id ?? defaultId);
    },
  };
}

/** One error of what became of each of a server's addresses. */
function sumUpEntry(errors: Error[], connection: MqttConnection): EntryError {
  const entries = errors.map((error) =>
    error instanceof EntryError ? error : explainNoAnswer(error, connection)
  );
  const last = entries.at(-1)!;
  if (last.code !== undefined) return last;
  const reasons = [...new Set(entries.map(({ message }) => message))];
  const isVersion = entries.some((entry) => entry.isVersion === "perhaps") ? "perhaps" : "no";
  return new EntryError(reasons.join("; "), { isVersion, isVague: entries.some(({ isVague }) => isVague) });
}

function explainNoAnswer(error: Error, connection: MqttConnection): EntryError {
  const causes = error instanceof NoAnswerError ? error.causes : [error];
  const reasons = [...new Set(causes.map((cause) => explainSocketError(cause, connection)))];
  return new EntryError(reasons.join("; "));
}

/**
 * What is done beside the deliveries of each connection: subscriptions, presence, and what the dialect says and asks.
 *
 * @returns starts it; what that resolves to never rejects, and deliveries may begin then.
 */
function createBeside({ subscriptions, presence, entered }: MqttDialect, logger: Logger) {
  const subscribing = new SideWork({ what: `the subscription to ${subscriptions.join(", ")}`, logger });
  const announcing = new SideWork({ what: `telling ${presence?.topic} that this node is there`, logger });
  const entering = new SideWork({ what: "what is said and asked after connecting", logger });
  return async (session: MqttSession): Promise<void> => {
    const over = new AbortController();
    void session.ended.then(() => over.abort());
    const { signal } = over;
    const isSubscribed = Promise.withResolvers<void>();
    let topics = subscriptions;
    const wasPausing = subscribing.isPausing;
    void subscribing.run(async () => {
      const subscribed = session.subscribe(topics);
      const settled = Promise.race([subscribed, session.ended]).catch(() => {});
      void withLimit(settled, SUBSCRIBE_LIMIT_MS, undefined).then(() => isSubscribed.resolve());
      const refused = await subscribed;
      topics = refused.map(({ topic }) => topic);
      if (refused.length > 0) throw new Error(describeRefused(refused));
    }, signal);
    if (presence !== undefined) {
      const retain = session.limits.mayRetain;
      void announcing.run(() => session.say(presence.topic, presence.online, { retain }), signal);
    }
    if (entered === undefined) return;
    const isEntered = isSubscribed.promise.then(() => entering.once(() => entered(session, signal), signal));
    if (!wasPausing) await isEntered;
  };
}

function describeRefused(refused: { topic: string; reason: string }[]): string {
  const each = refused.map(({ topic, reason }) => `${topic}: ${reason}`).join(", ");
  return `the server refuses it (${each}), so what it would send there is not heard`;
}

function createLink(
  session: MqttSession,
  dialect: MqttDialect,
  { host, port, tls }: MqttConnection,
  clientId: string,
): Link {
  const { presence, pace } = dialect;
  const userProperties = session.version === 5 ? dialect.userProperties : undefined;
  const { mustReachSomebody } = dialect;
  const options = { mustReachSomebody, ...(userProperties === undefined ? {} : { userProperties }) };
  const version = session.version === 5 ? "MQTT 5" : "MQTT 3.1.1";
  return {
    description: `${host}:${port} (${version}${tls === null ? "" : ", TLS"})`,
    hintWhenFlapping: `does another client use the client id ${clientId}?`,
    probesFirst: mustReachSomebody, // else some could overtake others while somebody subscribes
    get window() { // the server may say what it allows after it is connected
      return Math.min(session.limits.window, dialect.window?.() ?? Infinity);
    },
    limits(topic) {
      const parcel = dialect.parcel();
      const roomBytes = session.limits.maxPacketBytes - overheadBytes(topic, userProperties);
      return { ...parcel, maxBytes: Math.min(parcel.maxBytes, roomBytes) };
    },
    send: ({ channel, payload }) => session.publish(channel, payload, options),
    ...(pace === undefined ? {} : { pace }),
    ended: session.ended,
    async close(options) {
      if (options.isGraceful && presence !== undefined) {
        const goodbye = session.say(presence.topic, presence.offline, {
          retain: session.limits.mayRetain,
        });
        await withLimit(goodbye.catch(() => {}), GOODBYE_LIMIT_MS, undefined);
      }
      await session.close(options);
    },
  };
}

/** What a PUBLISH packet weighs besides its payload. */
function overheadBytes(topic: string, userProperties: Record<string, string> = {}): number {
  const own = Object.entries(userProperties).map(([key, value]) => 5 + Buffer.byteLength(key + value));
  const FIXED_BYTES = 5 + 2 + 2 + 4; // header, lengths of topic and properties, packet id
  return FIXED_BYTES + Buffer.byteLength(topic) + own.reduce((sum, size) => sum + size, 0);
}
