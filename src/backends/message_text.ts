// Runs in: backend worker.
import type { LeasedMessage } from "../shared/protocol.ts";

/** One message as the daily file has it, for servers that have no words of their own. */
export function messageText({ id, timestamp, body }: LeasedMessage): string {
  return `{"id":${id},"timestamp":${timestamp},"message_body":${body}}`;
}
