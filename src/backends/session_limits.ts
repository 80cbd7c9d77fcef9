// Runs in: backend worker.
import { parseRates, type Rate } from "./rate_limits.ts";

/** What ThingsBoard allows a device, as `getSessionLimits` answers it. */
export interface DeviceLimits {
  /** Largest payload, in bytes. */
  maxPayloadBytes: number;
  /** Most publishes in flight; Infinity when it does not say. */
  maxInFlight: number;
  messages: Rate[];
  telemetryMessages: Rate[];
  telemetryPoints: Rate[];
}

/** What holds where the server says nothing: its default for payloads, less a little. */
export const DEFAULT_LIMITS: DeviceLimits = {
  maxPayloadBytes: 65_000,
  maxInFlight: Infinity,
  messages: [],
  telemetryMessages: [],
  telemetryPoints: [],
};

/** A smaller payload could not carry a single message. */
const SMALLEST_PAYLOAD_BYTES = 256;

/**
 * Reads the answer; what is nonsense in it is named and does not count.
 *
 * @param answer Any JSON value.
 */
export function readLimits(answer: unknown): { limits: DeviceLimits; nonsense: string[] } {
  if (typeof answer !== "object" || answer === null) {
    return { limits: DEFAULT_LIMITS, nonsense: ["the answer is no object"] };
  }
  const nonsense: string[] = [];
  const own = answer as Record<string, unknown>;
  const integer = (key: string, least: number, fallback: number) => {
    const value = own[key];
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    if (value !== undefined && value !== null) nonsense.push(key);
    return fallback;
  };
  const given = (own["rateLimits"] ?? {}) as Record<string, unknown>;
  const rates = (key: string) => {
    const found = parseRates(given[key]);
    if (found === undefined) nonsense.push(`rateLimits.${key}`);
    return found ?? [];
  };
  const limits = {
    maxPayloadBytes: integer("maxPayloadSize", SMALLEST_PAYLOAD_BYTES, DEFAULT_LIMITS.maxPayloadBytes),
    maxInFlight: integer("maxInflightMessages", 1, Infinity),
    messages: rates("messages"),
    telemetryMessages: rates("telemetryMessages"),
    telemetryPoints: rates("telemetryDataPoints"),
  };
  return { limits, nonsense };
}
