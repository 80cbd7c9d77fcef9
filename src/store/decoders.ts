// Runs in: store worker.
import { encodeBody, MAX_MESSAGE_LENGTH, parseBody, VARIANTS } from "../shared/message.ts";
import { MAX_UNRESOLVED, MAX_UNRESOLVED_LENGTH } from "../shared/message_sender.ts";
import type { BackendToStore, OutgoingMessage, ProducerToStore } from "../shared/protocol.ts";
import {
  decoderOf,
  integer,
  InvalidMessageError,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
} from "../shared/shape.ts";
import { MAX_TIME_MS } from "../shared/time.ts";

/** How many messages a backend may speak of at once. */
const MAX_IDS = 100_000;
const ids = list(integer(1), MAX_IDS);

const message = object<OutgoingMessage>({
  sequence: integer(1),
  timeMs: integer(0, MAX_TIME_MS),
  variant: oneOf(...VARIANTS),
  body: text(MAX_MESSAGE_LENGTH),
});

const decodeAppend = decoderOf<ProducerToStore>({
  append: { messages: list(message, MAX_UNRESOLVED, 1) },
});

/**
 * What a producer wants stored. Bodies are written anew from what they say, so that none can begin a line of its own.
 *
 * @param isMain Only main tells what became of configurations.
 * @throws {InvalidMessageError}
 */
export function decodeFromProducer(data: unknown, isMain: boolean): ProducerToStore {
  const { messages } = decodeAppend(data);
  const length = messages.reduce((sum, { body }) => sum + body.length, 0);
  if (length > MAX_UNRESOLVED_LENGTH) {
    throw new InvalidMessageError(`messages must have at most ${MAX_UNRESOLVED_LENGTH} characters together`);
  }
  const falls = messages.some(({ sequence }, index) =>
    index > 0 && sequence <= messages[index - 1]!.sequence
  );
  if (falls) throw new InvalidMessageError("messages must have sequence numbers that rise");
  return { type: "append", messages: messages.map((message) => checked(message, isMain)) };
}

function checked(message: OutgoingMessage, isMain: boolean): OutgoingMessage {
  const body = parseBody(message.body);
  if (body.variant !== message.variant) {
    throw new InvalidMessageError(`a message says that it is ${message.variant}, its body ${body.variant}`);
  }
  if (body.variant === "config" && !isMain) {
    throw new InvalidMessageError("only main may tell what became of a configuration");
  }
  return { ...message, body: encodeBody(body) };
}

/** What a backend says of messages. */
export const decodeFromBackend = decoderOf<BackendToStore>({
  lease: {
    maxMessages: integer(1, MAX_IDS),
    maxBytes: number(1),
    without: optional(list(oneOf(...VARIANTS), VARIANTS.length)),
  },
  acknowledge: { ids },
  give_back: { ids },
  park: { id: integer(1), reason: text(65_536) },
});
