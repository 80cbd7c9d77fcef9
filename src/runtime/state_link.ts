// Runs in: procedure worker and backend worker.
import type { MainToProcedure, ProcedureToMain, StateRequest, StateSnapshot } from "../shared/protocol.ts";
import { STATE_CHANNEL, StateReplica } from "../shared/state_replica.ts";

type Answer = Extract<MainToProcedure, { type: "state_answer" }>;
type Request = Extract<ProcedureToMain, { type: "state_request" }>;

/** The worker's side of the way to main's state authority. */
export function linkState(send: (request: Request) => void) {
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastRequestId = 0;
  const ask = (request: StateRequest) =>
    new Promise<Answer>((resolve) => {
      const requestId = ++lastRequestId;
      waiting.set(requestId, resolve);
      send({ type: "state_request", requestId, request });
    });
  return {
    /** A replica that starts from `snapshot` and follows main's broadcasts. */
    follow(snapshot: StateSnapshot, generation: number): StateReplica {
      const replica = new StateReplica({ snapshot, generation, ask });
      new BroadcastChannel(STATE_CHANNEL).onmessage = (event) => replica.receive(event.data);
      return replica;
    },
    receive(answer: Answer): void {
      waiting.get(answer.requestId)?.(answer);
      waiting.delete(answer.requestId);
    },
  };
}
