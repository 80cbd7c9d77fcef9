// Runs in: main thread.
import type { MainToBroadcaster, StateBroadcast } from "../shared/protocol.ts";
import { startThread } from "./threads.ts";

/**
 * Main's end of the channel that it broadcasts the state on: a thread of its own, since who may send on a channel also
 * receives. That thread may be held up by what procedures broadcast, or end: the ports still tell everything.
 */
export class StateChannel {
  readonly name = `ivy-state-${crypto.randomUUID()}`;
  #worker: Worker | undefined;
  #isFree = true;
  #onFree: () => void;

  /** @param onFree The thread has taken the broadcast before, and can take another. */
  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  /** False while the thread has not taken the last broadcast: what waits for it would fill the memory. */
  get isFree(): boolean {
    return this.#isFree;
  }

  send(message: StateBroadcast): void {
    this.#worker ??= this.#start();
    this.#isFree = false;
    this.#worker.postMessage({ channel: this.name, message } satisfies MainToBroadcaster);
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const module = import.meta.resolve("../runtime/broadcaster.ts");
    const { worker } = startThread(module, {
      type: "module",
      name: "broadcaster",
      deno: { permissions: "none" },
    } as WorkerOptions);
    worker.onmessage = () => {
      this.#isFree = true;
      this.#onFree();
    };
    worker.onerror = (event) => {
      event.preventDefault(); // an error that nobody prevents would end the agent
      this.close();
      this.#isFree = true; // the next broadcast starts another
    };
    return worker;
  }
}
