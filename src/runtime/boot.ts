// Runs in: procedure worker.
import * as z from "zod";
import { reportError } from "../shared/errors.ts";
import { faultsOf } from "../shared/faults.ts";
import { MessageSender } from "../shared/message_sender.ts";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { withLimit } from "../shared/time.ts";
import { linkToMain, type WorkerLink } from "../shared/worker_link.ts";
import { createDevices } from "./devices.ts";
import type { Procedure, ProcedureContext } from "./procedure.ts";
import { linkState } from "./state_link.ts";
import { every } from "./ticks.ts";

/** How long an ending procedure waits for the store to confirm its last messages, in milliseconds. */
const LAST_MESSAGES_LIMIT_MS = 5000;
/** How long `teardown` may take, in milliseconds. */
const TEARDOWN_LIMIT_MS = 30_000;

/** Connects a procedure to main: announce, check the settings, run or test, tear down. */
export function bootProcedure(procedure: Procedure): void {
  const life = new ProcedureLife(procedure);
  life.link.onMessage((message: MainToProcedure) => life.receive(message));
  life.announce();
}

class ProcedureLife {
  link: WorkerLink<ProcedureToMain>;
  #procedure: Procedure;
  #stopping = new AbortController();
  #sender: MessageSender;
  #devices;
  #state;
  #settings: unknown;
  #context: ProcedureContext<unknown> | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(procedure: Procedure) {
    this.#procedure = procedure;
    this.link = linkToMain(procedure.name, { beforeFailing: () => this.#end() });
    this.#devices = createDevices(this.link.send);
    this.#state = linkState(this.link.send);
    this.#sender = new MessageSender({
      now: () => Date.now(),
      onFailure: (error) => this.link.logger.error(`a message was not stored: ${error.message}`),
    });
  }

  announce(): void {
    const settingsSchema = z.toJSONSchema(this.#procedure.config, { io: "input" }) as JsonSchema;
    this.link.send({ type: "announce", name: this.#procedure.name, settingsSchema });
  }

  receive(message: MainToProcedure): void {
    switch (message.type) {
      case "check":
        this.link.startBeating(message.beatIntervalMs);
        return this.#check(message.settings);
      case "run":
        this.#running = this.#run(message).catch(this.link.fail);
        return;
      case "self_test":
        return void this.#selfTest(message);
      case "store_port":
        return this.#sender.attach(message.storePort);
      case "device_answer":
        return this.#devices.receive(message);
      case "state_answer":
        return this.#state.receive(message);
      case "teardown":
        return void this.#tearDown().catch(this.link.fail);
      default:
        message satisfies never;
    }
  }

  #check(settings: unknown): void {
    const checked = this.#procedure.config.safeParse(settings);
    this.#settings = checked.data;
    this.link.send({ type: "checked", faults: checked.success ? [] : faultsOf(checked.error) });
  }

  async #run(message: MainToProcedure & { type: "run" }): Promise<void> {
    this.#sender.attach(message.storePort);
    this.#context = this.#createContext(message);
    await this.#procedure.setup?.(this.#context);
    this.link.send({ type: "started" });
    await this.#procedure.run(this.#context);
    if (this.#stopping.signal.aborted) return;
    throw new Error("run() returned although nobody had asked the procedure to end");
  }

  async #selfTest(message: MainToProcedure & { type: "self_test" }): Promise<void> {
    try {
      await this.#procedure.selfTest?.(this.#createContext(message));
      this.link.send({ type: "self_tested", error: null });
    } catch (error) {
      this.link.send({ type: "self_tested", error: reportError(error) });
    }
  }

  async #tearDown(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#end();
    this.link.send({ type: "torn_down" });
  }

  /** Tears the equipment down and sees the last messages safe; also after a failure. */
  async #end(): Promise<void> {
    this.#stopping.abort();
    const context = this.#context;
    this.#context = undefined;
    if (context === undefined) return;
    await withLimit(Promise.resolve(this.#procedure.teardown?.(context)), TEARDOWN_LIMIT_MS, undefined);
    await withLimit(this.#sender.settled(), LAST_MESSAGES_LIMIT_MS, undefined);
  }

  #createContext(message: MainToProcedure & { type: "run" | "self_test" }): ProcedureContext<unknown> {
    const { signal } = this.#stopping;
    return {
      config: this.#settings,
      every: (seconds) => every(seconds, { signal }),
      messages: this.#sender,
      state: this.#state.follow(message.snapshot, message.generation),
      logger: this.link.logger,
      devices: this.#devices.devices,
      node: message.node,
      signal,
    };
  }
}
