// Runs in: any thread.
import type { ReplicaToAuthority, StateBroadcast, StateDelta } from "./protocol.ts";
import { decoderOf, integer, list, object, record, text } from "./shape.ts";
import { MAX_FIELD_BYTES } from "./state_fields.ts";

/** No state has more fields. */
const MAX_FIELDS = 1000;
const fields = record(text(MAX_FIELD_BYTES), MAX_FIELDS);
const place = integer(0);

/** What a worker sends by its port. Whether the fields fit the schema is another question. */
export const decodeFromReplica = decoderOf<ReplicaToAuthority>({
  change: { since: place, touched: list(text(256), MAX_FIELDS), fields },
  catch_up: { since: place },
});

/** What comes on the channel that all workers share. */
export const decodeStateBroadcast = decoderOf<StateBroadcast>({
  changed: { delta: object<StateDelta>({ since: place, sequence: place, fields }) },
});
