// Runs in: tests.
import { Buffer } from "node:buffer";
import { generate, type Packet, parser } from "mqtt-packet";
import type { Filter, ProxyConnection } from "./tcp_proxy.ts";

/** A publish that a client sent, and what the server said of it. */
export interface Publish {
  topic: string;
  payload: string;
  retain: boolean;
  qos: number;
  userProperties: Record<string, unknown>;
  connection: number;
  sentMs: number;
  /** The server's reason code (0 where it has none); undefined until it answered. */
  answer: number | undefined;
}

export interface MqttTapOptions {
  /** Answers a publish in the server's place: the reason code that its acknowledgement will carry. */
  answer?: (publish: Publish) => number | undefined;
  /** While it says so, acknowledgements of publishes are dropped. */
  isHolding?: (publish: Publish) => boolean;
  /** Answers a subscription in the server's place: the reason code, or nothing at all. */
  subscription?: () => number | "nothing" | undefined;
  /** Whether the connection ends when the client sends this. */
  isCutting?: (packet: Packet) => boolean;
}

/** Reads the MQTT packets that go through a proxy, and may change what the server answers. */
export interface MqttTap {
  up: Filter;
  down: Filter;
  readonly publishes: Publish[];
  /** Every packet from the client, in order, but publishes. */
  readonly others: { packet: Packet; connection: number; atMs: number }[];
  /** The largest number of publishes that were unanswered at once. */
  readonly mostInFlight: number;
}

interface Side {
  up: ReturnType<typeof parser>;
  down: ReturnType<typeof parser>;
  version: number;
  inFlight: Map<number, Publish>;
}

export function createMqttTap(options: MqttTapOptions = {}): MqttTap {
  const publishes: Publish[] = [];
  const others: MqttTap["others"] = [];
  const sides = new Map<number, Side>();
  let mostInFlight = 0;

  function sideOf(connection: ProxyConnection): Side {
    let side = sides.get(connection.number);
    if (side === undefined) sides.set(connection.number, side = createSide(connection));
    return side;
  }

  function createSide(connection: ProxyConnection): Side {
    const side: Side = { up: parser(), down: parser(), version: 4, inFlight: new Map() };
    side.up.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") {
        side.version = packet.protocolVersion ?? 4;
        side.down = parser({ protocolVersion: side.version });
      }
      if (options.isCutting?.(packet)) connection.cut();
      if (packet.cmd === "publish") note(packet, side, connection);
      else others.push({ packet, connection: connection.number, atMs: performance.now() });
    });
    return side;
  }

  function note(packet: Packet & { cmd: "publish" }, side: Side, { number }: ProxyConnection): void {
    const publish: Publish = {
      topic: packet.topic,
      payload: packet.payload.toString(),
      retain: packet.retain,
      qos: packet.qos,
      userProperties: { ...packet.properties?.userProperties },
      connection: number,
      sentMs: performance.now(),
      answer: undefined,
    };
    publishes.push(publish);
    if (packet.qos > 0) side.inFlight.set(packet.messageId!, publish);
    mostInFlight = Math.max(mostInFlight, side.inFlight.size);
  }

  /** Takes the server's packets apart, so that single ones can be changed. */
  function rewrite(bytes: Uint8Array, side: Side): Uint8Array {
    const out: Uint8Array[] = [];
    const settings = { protocolVersion: side.version };
    const listen = (packet: Packet) => {
      if (packet.cmd === "puback") {
        const publish = side.inFlight.get(packet.messageId!);
        if (publish !== undefined && options.isHolding?.(publish)) return;
        side.inFlight.delete(packet.messageId!);
        if (publish !== undefined) {
          const code = options.answer?.(publish);
          if (code !== undefined) packet.reasonCode = code;
          publish.answer = packet.reasonCode ?? 0;
        }
      }
      if (packet.cmd === "suback") {
        const code = options.subscription?.();
        if (code === "nothing") return;
        if (code !== undefined) packet.granted = packet.granted.map(() => code);
      }
      out.push(generate(packet, settings));
    };
    side.down.on("packet", listen);
    side.down.parse(Buffer.from(bytes));
    side.down.off("packet", listen);
    return Buffer.concat(out);
  }

  return {
    publishes,
    others,
    get mostInFlight() {
      return mostInFlight;
    },
    up(bytes, connection) {
      sideOf(connection).up.parse(Buffer.from(bytes));
      return bytes;
    },
    down: (bytes, connection) => rewrite(bytes, sideOf(connection)),
  };
}
