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
  type ParcelLimits,
} from "../runtime/backend.ts";
import { EntryError, type MqttSession, openSession, type SessionOptions } from "./mqtt_session.ts";
import type { MqttConnection } from "./mqtt_settings.ts";
import { diagnoseTls } from "./mqtt_socket.ts";
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
  /** Travels with every message where the server speaks MQTT 5. */
  userProperties?: Record<string, string>;
  /** Called before each connection. @returns what stands in for the configured settings of the connection. */
  credentials?(enterAs: EnterAs): Promise<Credentials>;
  /** Called when the subscriptions are in place, before anything is delivered. */
  entered?(session: MqttSession): Promise<void>;
  pace?: Link["pace"];
  factsChanged?: Driver["factsChanged"];
  bringPackage?: Driver["bringPackage"];
  tellReport?: Driver["tellReport"];
}

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
  const { config: { mqtt_connection: connection }, name, facts, logger } = context;
  const versions = createVersionChoice();
  const defaultId = connection.client_id ?? `ivy-${facts.systemIdentifier}-${name}`;
  const told = new Set<string>();
  /** Found out once per outage: it takes a connection of its own. */
  let diagnosis: string | undefined;
  const tellRefused = ({ topic, reason }: { topic: string; reason: string }) => {
    if (told.has(topic)) return;
    told.add(topic);
    logger.warning(
      `the server refuses the subscription to ${topic}: ${reason}; what it would send there is not heard`,
    );
  };
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
        try {
          const session = await openSession({
            connection: own,
            clientId,
            version,
            onMessage,
            signal,
            ...(will === undefined ? {} : { will }),
          });
          versions.worked(session.version);
          diagnosis = undefined;
          return session;
        } catch (error) {
          if (!(error instanceof EntryError)) throw error;
          versions.failed(error.isVersion);
          if (error.isVague) diagnosis ??= await diagnoseTls(own);
          throw error.isVague && diagnosis !== undefined ? new Error(diagnosis) : error;
        }
      };
      const credentials = await dialect.credentials?.(enterAs) ?? {};
      const heard = (topic: string, payload: Uint8Array) => dialect.heard(topic, payload, session);
      const { presence } = dialect;
      const will = presence === undefined ? undefined : { topic: presence.topic, payload: presence.offline };
      const session: MqttSession = await enterAs(credentials, heard, will);
      try {
        await session.whileOpen(enter(session, dialect, tellRefused));
      } catch (error) {
        void session.close({ reason: "not entered", isGraceful: false });
        throw error;
      }
      return createLink(session, dialect, connection, credentials.client_id ?? defaultId);
    },
  };
}

async function enter(
  session: MqttSession,
  { subscriptions, presence, entered }: MqttDialect,
  tellRefused: (refused: { topic: string; reason: string }) => void,
): Promise<void> {
  for (const refused of await session.subscribe(subscriptions)) tellRefused(refused);
  if (presence !== undefined) {
    await session.publish(presence.topic, presence.online, { retain: session.limits.mayRetain });
  }
  await entered?.(session);
}

function createLink(
  session: MqttSession,
  dialect: MqttDialect,
  { host, port, tls }: MqttConnection,
  clientId: string,
): Link {
  const { presence, pace } = dialect;
  const parcel = dialect.parcel();
  const userProperties = session.version === 5 ? dialect.userProperties : undefined;
  const options = userProperties === undefined ? {} : { userProperties };
  const version = session.version === 5 ? "MQTT 5" : "MQTT 3.1.1";
  return {
    description: `${host}:${port} (${version}${tls === null ? "" : ", TLS"})`,
    hintWhenFlapping: `does another client use the client id ${clientId}?`,
    window: Math.min(session.limits.window, dialect.window?.() ?? Infinity),
    limits: (topic) => ({
      ...parcel,
      maxBytes: Math.min(
        parcel.maxBytes,
        session.limits.maxPacketBytes - overheadBytes(topic, userProperties),
      ),
    }),
    send: ({ channel, payload }) => session.publish(channel, payload, options),
    ...(pace === undefined ? {} : { pace }),
    ended: session.ended,
    async close(options) {
      if (options.isGraceful && presence !== undefined) {
        await session.publish(presence.topic, presence.offline, { retain: session.limits.mayRetain });
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
