// Runs in: tests, main thread.
import { StateAuthority } from "../../src/agent/state_authority.ts";
import { testFields } from "./state_fields.ts";
import type { Observation, Task, TaskResult } from "./state_worker.ts";

/** A worker with a replica, that does what it is told. */
export class StateWorker {
  readonly name: string;
  /** Shuts its door, as main does when a worker was replaced. */
  readonly shut: () => void;
  #worker: Worker;
  #waiting = new Map<number, PromiseWithResolvers<TaskResult>>();
  #lastId = 0;

  constructor(name: string, authority: StateAuthority) {
    this.name = name;
    this.#worker = new Worker(import.meta.resolve("./state_worker.ts"), {
      type: "module",
      name,
      deno: { permissions: "none" },
    } as WorkerOptions);
    this.#worker.onmessage = ({ data }) => this.#waiting.get(data.id)?.resolve(data.result);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message));
    };
    const { door, close } = authority.openDoor(refuseInvalid);
    this.shut = close;
    this.#worker.postMessage({ door }, [door.port]);
  }

  do(task: Task): Promise<TaskResult> {
    const id = ++this.#lastId;
    const result = Promise.withResolvers<TaskResult>();
    this.#waiting.set(id, result);
    this.#worker.postMessage({ id, task });
    return result.promise.finally(() => this.#waiting.delete(id));
  }

  /** Waits until the replica has reached a place of main's order. */
  async reach(sequence: number): Promise<Observation> {
    return (await this.do({ kind: "reach", sequence })).now;
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

/** Holds the thread of a worker from the moment that {@link held} resolves until it is opened. */
export class Gate {
  readonly cells = new Int32Array(new SharedArrayBuffer(8));

  async held(): Promise<void> {
    while (Atomics.load(this.cells, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  open(): void {
    Atomics.store(this.cells, 0, 1);
    Atomics.notify(this.cells, 0);
  }
}

/** Main's authority and some workers. */
export class StateCluster implements AsyncDisposable {
  readonly authority = new StateAuthority(testFields);
  readonly workers: StateWorker[] = [];

  static async start(count: number): Promise<StateCluster> {
    const cluster = new StateCluster();
    for (let index = 0; index < count; index++) cluster.workers.push(cluster.add(`w${index}`));
    await Promise.all(cluster.workers.map((worker) => worker.do({ kind: "look" })));
    return cluster;
  }

  add(name: string): StateWorker {
    return new StateWorker(name, this.authority);
  }

  get state(): { total: number; parts: Record<string, number>; note: string } {
    return JSON.parse(this.authority.json);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.workers) worker.terminate();
    this.authority.close();
    return Promise.resolve();
  }
}

/** A worker of these tests sends nothing invalid. */
function refuseInvalid(reason: string): never {
  throw new Error(reason);
}
