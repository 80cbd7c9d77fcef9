// Runs in: procedure worker.
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";

/**
 * Files under `/proc`, `/sys` and `/dev` that the procedure's registry line lists in `devices`. Main opens them: no
 * sandboxed worker may. Serial lines and other terminals are refused.
 */
export interface Devices {
  /** The text of a file, at most 64 KiB. @throws when it is not listed, not there, or takes longer than 5 s. */
  read(path: string): Promise<string>;
  /** The names in a folder, sorted; none when there is no such folder. */
  list(path: string): Promise<string[]>;
  /** Writes text to a file that is there already. */
  write(path: string, text: string): Promise<void>;
}

type Answer = Extract<MainToProcedure, { type: "device_answer" }>;
type Request = Extract<ProcedureToMain, { type: "device_request" }>;

/** The procedure's side of the device door. */
export function createDevices(
  send: (request: Request) => void,
): { devices: Devices; receive(answer: Answer): void } {
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastRequestId = 0;
  const ask = async (operation: Request["operation"], path: string, text?: string): Promise<Answer> => {
    const requestId = ++lastRequestId;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(requestId, resolve);
      send({ type: "device_request", requestId, operation, path, ...(text === undefined ? {} : { text }) });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  return {
    devices: {
      read: async (path) => (await ask("read", path)).text ?? "",
      list: async (path) => (await ask("list", path)).names ?? [],
      write: async (path, text) => void await ask("write", path, text),
    },
    receive(answer) {
      waiting.get(answer.requestId)?.(answer);
      waiting.delete(answer.requestId);
    },
  };
}
