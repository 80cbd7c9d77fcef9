// Runs in: procedure worker.
import type { DiskSpace, MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";

type Request = Extract<ProcedureToMain, { type: "disk_request" }>;
type Answer = Extract<MainToProcedure, { type: "disk_answer" }>;

/** Asks main about the disk: a worker could only with the right to read what is on it. */
export function createDiskQuestions(
  send: (request: Request) => void,
): { ask(): Promise<DiskSpace>; receive(answer: Answer): void } {
  const waiting = new Map<number, (space: DiskSpace | null) => void>();
  let lastRequestId = 0;
  return {
    async ask() {
      const requestId = ++lastRequestId;
      const space = await new Promise<DiskSpace | null>((resolve) => {
        waiting.set(requestId, resolve);
        send({ type: "disk_request", requestId });
      });
      if (space === null) throw new Error("the space on the node's disk cannot be found out");
      return space;
    },
    receive({ requestId, space }) {
      waiting.get(requestId)?.(space);
      waiting.delete(requestId);
    },
  };
}
