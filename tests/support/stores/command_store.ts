// Runs in: store worker.
import "../../../src/store/worker.ts";
import type { MainToStore } from "../../../src/shared/protocol.ts";

/**
 * The store, which fails when told: a file named `crash` or `spin` beside its database makes it fail after the next
 * commit, before it has answered, which is the worst moment.
 */
let directory = "";
addEventListener("message", (event) => {
  const message = (event as MessageEvent).data as MainToStore;
  if (message.type === "open") directory = message.opening.directory;
});

const answer = MessagePort.prototype.postMessage;
MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...rest: unknown[]) {
  if (isTold("crash")) throw new Error("the store was told to crash");
  if (isTold("spin")) { while (true) { /* for ever */ } }
  Reflect.apply(answer, this, [message, ...rest]);
};

function isTold(command: string): boolean {
  try {
    Deno.removeSync(`${directory}/${command}`);
    return true;
  } catch {
    return false;
  }
}
