// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import { pause } from "../../shared/time.ts";
import type { AgentStatus } from "../status.ts";
import { connectNotifier, type Notifier } from "./notifier.ts";

/** How many signs of life an agent gives that ends for a restart: one that hangs gives no more. */
const LAST_SIGNS = 3;
/** A worker beats at least every 5 s; this much later something holds it up, in milliseconds. */
const LATE_BEAT_MS = 12_000;
/** How often the sentence is looked at where the manager wants no sign of life, in milliseconds. */
const LOOK_MS = 10_000;
/** The agent is looked at so many times between two signs of life, so that a short fault costs none. */
const LOOKS_PER_SIGN = 4;

export interface ReportsOptions {
  notifier: Notifier;
  status: () => Promise<AgentStatus>;
  /** Told when that cannot be done. */
  complain: (sentence: string) => void;
}

/**
 * Reports to the service manager that has started this process, if one has.
 *
 * @param environment As it was when the process started.
 */
export function reportToManager(
  agent: { status(): Promise<AgentStatus> },
  environment: Record<string, string>,
  complain: (sentence: string) => void,
): ServiceReports | undefined {
  try {
    const notifier = connectNotifier(environment);
    if (notifier === undefined) return undefined;
    const status = () => agent.status();
    return new ServiceReports({ notifier, status, complain });
  } catch (error) {
    complain(`the service manager cannot be reached: ${sentenceOf(error)}`);
    return undefined;
  }
}

/**
 * Keeps the service manager informed: what the node does, and signs of life while main and store are healthy. When they
 * are not any more, the manager ends the process and starts a fresh one.
 */
export class ServiceReports {
  #options: ReportsOptions;
  #ending = new AbortController();
  #lastSentence = "";
  #lastSignMs = -Infinity;

  constructor(options: ReportsOptions) {
    this.#options = options;
    options.notifier.send(`MAINPID=${Deno.pid}`, "STATUS=Starting");
    void this.#lookForEver();
  }

  /** Every procedure has been started once. */
  async ready(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#options.notifier.send("READY=1");
    await this.#look();
  }

  /** The agent ends; for a restart in the same process the manager is not told so, or it would end that one, too. */
  ending(kind: "stop" | "restart", reason: string): void {
    this.#ending.abort();
    const { notifier } = this.#options;
    if (kind === "stop") return void notifier.send("STOPPING=1", `STATUS=Stopping: ${reason}`);
    notifier.send(`STATUS=Restarting: ${reason}`);
    if (notifier.watchdogMs !== undefined) void this.#giveLastSigns(notifier.watchdogMs / 2);
  }

  /** The store ends before the process is replaced, which may take as long as procedures and servers want. */
  async #giveLastSigns(intervalMs: number): Promise<void> {
    for (let sign = 0; sign < LAST_SIGNS; sign++) {
      this.#options.notifier.send("WATCHDOG=1");
      await pause(intervalMs);
    }
  }

  async #lookForEver(): Promise<void> {
    const { watchdogMs } = this.#options.notifier;
    const lookMs = watchdogMs === undefined ? LOOK_MS : watchdogMs / 2 / LOOKS_PER_SIGN;
    do await this.#look(); while (await pause(lookMs, this.#ending.signal));
  }

  async #look(): Promise<void> {
    const { notifier, status, complain } = this.#options;
    try {
      const found = await status();
      if (this.#ending.signal.aborted) return;
      this.#tell(found.verdict.text);
      const { watchdogMs } = notifier;
      if (watchdogMs !== undefined && storeIsHealthy(found.store)) this.#giveSign(watchdogMs / 2);
    } catch (error) {
      complain(`the service manager could not be told how the node is: ${sentenceOf(error)}`);
    }
  }

  #tell(sentence: string): void {
    const line = sentence.replaceAll("\n", " ");
    if (line === this.#lastSentence) return;
    this.#lastSentence = line;
    this.#options.notifier.send(`STATUS=${line}`);
  }

  #giveSign(intervalMs: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastSignMs < intervalMs * 0.99) return; // timers may be a little early
    this.#lastSignMs = nowMs;
    this.#options.notifier.send("WATCHDOG=1");
  }
}

/** Whether the store answers; while it opens, which may take long on an SD card, whether it is alive. */
export function storeIsHealthy(store: AgentStatus["store"]): boolean {
  if (store.state === "running") return store.messages !== null;
  const { seconds_since_heartbeat: age } = store;
  return store.state === "starting" && age !== null && age * 1000 < LATE_BEAT_MS;
}
