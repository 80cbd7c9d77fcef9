// Runs in: backend worker.
import type { LeasedMessage } from "../shared/protocol.ts";
import { wellFormedJson } from "../shared/well_formed.ts";

/** One message as the daily file has it, for servers that have no words of their own; its texts are well-formed. */
export function messageText({ id, timestamp, body }: LeasedMessage): string {
  return `{"id":${id},"timestamp":${timestamp},"message_body":${wellFormedJson(body)}}`;
}
