// Runs in: procedure worker and backend worker.
import type { StateDoor } from "../shared/protocol.ts";
import type { StateFields } from "../shared/state_fields.ts";
import { StateReplica } from "../shared/state_replica.ts";

/**
 * Opens the worker's side of its door to the shared state: a replica that follows main.
 *
 * @returns what hands out the replica. The channel is opened then: who never looks at the state follows it by the port
 * alone, and is not held up by what others broadcast.
 */
export function followState<Fields extends StateFields>(
  door: StateDoor,
  fields: Fields,
): () => StateReplica<Fields> {
  const { port, channel: name, whole } = door;
  const replica = new StateReplica({ fields, whole, send: (request) => port.postMessage(request) });
  port.onmessage = (event: MessageEvent) => replica.receive(event.data);
  let channel: BroadcastChannel | undefined;
  return () => {
    if (channel !== undefined) return replica;
    channel = new BroadcastChannel(name);
    channel.onmessage = (event: MessageEvent) => replica.receiveBroadcast(event.data);
    return replica;
  };
}
