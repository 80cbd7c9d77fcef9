// Runs in: tests, main thread.
import { join } from "@std/path";
import { StateAuthority } from "../../src/agent/state_authority.ts";
import { StateKeeper } from "../../src/agent/state_keeper.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";
import { type StateFields, type StateOf } from "../../src/shared/state_fields.ts";
import { StateReplica } from "../../src/shared/state_replica.ts";

/** A shared state with its snapshot and one replica, all in this thread: an agent's life without the agent. */
export class StateLife<Fields extends StateFields> implements AsyncDisposable {
  readonly replica: StateReplica<Fields>;
  readonly log: LogEntry[];
  readonly authority: StateAuthority;
  #keeper: StateKeeper;
  #port: MessagePort;

  private constructor(
    authority: StateAuthority,
    keeper: StateKeeper,
    log: LogEntry[],
    fields: Fields,
  ) {
    this.authority = authority;
    this.#keeper = keeper;
    this.log = log;
    const { door: { port, whole } } = authority.openDoor(refuseInvalid);
    this.#port = port;
    this.replica = new StateReplica({ fields, whole, send: (request) => port.postMessage(request) });
    port.onmessage = ({ data }) => this.replica.receive(data);
  }

  /**
   * @param saveIntervalMs Default: as in the agent.
   * @param version The version of Ivy that lives; default: this one.
   */
  static async start<Fields extends StateFields>(
    path: string,
    fields: Fields,
    saveIntervalMs?: number,
    version?: string,
  ): Promise<StateLife<Fields>> {
    const log: LogEntry[] = [];
    const authority = new StateAuthority(fields);
    const keeper = new StateKeeper({
      path,
      fields,
      authority,
      logger: createLogger("state", (entry) => log.push(entry)),
      now: () => Date.now(),
      ...(saveIntervalMs === undefined ? {} : { saveIntervalMs }),
      ...(version === undefined ? {} : { version }),
    });
    await keeper.start();
    return new StateLife(authority, keeper, log, fields);
  }

  get state(): StateOf<Fields> {
    return JSON.parse(this.authority.json);
  }

  /** Levels and subjects of what was logged. */
  get said(): string[] {
    return this.log.map(({ level, subject }) => `${level} ${subject}`);
  }

  /** Ends in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.close();
    this.authority.close();
    this.#port.close();
  }
}

/** Calls `work` with the path of a file in a folder that exists meanwhile. */
export async function withStateFile(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ivy-state-" });
  try {
    await work(join(folder, "state.kv"), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names in a folder, sorted. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** A worker of these tests sends nothing invalid. */
function refuseInvalid(reason: string): never {
  throw new Error(reason);
}
