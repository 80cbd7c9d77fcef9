// Runs in: backend worker.
import type { Element, Unsendable } from "../runtime/backend.ts";
import { type Data, decodeBody, type MessageBody } from "../shared/message.ts";
import type { LeasedMessage } from "../shared/protocol.ts";

const TELEMETRY = "v1/devices/me/telemetry";
const MAX_KEY_LENGTH = 255;
/** A number with more decimals is stored as text there. */
const MAX_DECIMALS = 16;
/** How many messages are remembered to keep their times apart. */
const MEMORY = 4096;

/**
 * Turns messages into telemetry. Two values of one key with the same millisecond overwrite each other there, so the
 * later message moves on by one; it keeps that time when it is sent again.
 */
export function createEncoder(): (message: LeasedMessage) => Element | Unsendable {
  const times = new Map<number, number>();
  const taken = new Map<string, number>();
  const distinctTime = (id: number, keys: string[], timeMs: number): number => {
    const known = times.get(id);
    if (known !== undefined) return known;
    let ts = timeMs;
    while (keys.some((key) => taken.has(`${ts} ${key}`))) ts++;
    for (const key of keys) taken.set(`${ts} ${key}`, id);
    times.set(id, ts);
    forget(times);
    forget(taken);
    return ts;
  };
  return ({ id, timestamp, body }) => {
    const values = valuesOf(decodeBody(body));
    const keys = Object.keys(values);
    if (keys.some((key) => key.length > MAX_KEY_LENGTH)) {
      return { id, reason: `ThingsBoard does not allow keys of more than ${MAX_KEY_LENGTH} characters` };
    }
    const ts = distinctTime(id, keys, Math.round(timestamp * 1000));
    return { id, channel: TELEMETRY, text: JSON.stringify({ ts, values }, shorten), points: keys.length };
  };
}

function valuesOf(body: MessageBody): Data | Record<string, unknown> {
  switch (body.variant) {
    case "data":
      return body.data;
    case "log":
      return { logging: { level: body.level, subject: body.subject, body: body.body } };
    case "config": {
      const { variant: _, ...configuration } = body;
      return { configuration };
    }
    default:
      return body satisfies never;
  }
}

/** Only numbers below 1 can have so many decimals. */
function shorten(_key: string, value: unknown): unknown {
  if (typeof value !== "number" || Math.abs(value) >= 1) return value;
  return Number(value.toFixed(MAX_DECIMALS));
}

function forget(map: Map<unknown, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= MEMORY) return;
    map.delete(key);
  }
}
