// Runs in: procedure worker.
import * as z from "zod";
import { reportError } from "../shared/errors.ts";
import { faultsOf } from "../shared/faults.ts";
import { MessageSender } from "../shared/message_sender.ts";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { stateFields } from "../shared/state.ts";
import { formatDuration, withLimit } from "../shared/time.ts";
import { linkToMain, type WorkerLink } from "../shared/worker_link.ts";
import { answerCall, describeMethods } from "./calls.ts";
import { createDevices } from "./devices.ts";
import { createDiskQuestions } from "./disk_questions.ts";
import type { Procedure, ProcedureContext } from "./procedure.ts";
import { followState } from "./state_link.ts";
import { every } from "./ticks.ts";

/** How long the end may take when nobody says otherwise (after a failure), in milliseconds. */
const GRACE_MS = 30_000;
/** The shares of it: `run` has to return, `teardown` follows, then the store confirms the last messages. */
const RUN_SHARE = 0.3;
const TEARDOWN_SHARE = 0.6;
const LAST_MESSAGES_SHARE = 0.1;

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
  #disk;
  #settings: unknown;
  #context: ProcedureContext<unknown> | undefined;
  /** Settles when the procedure's own code has ended, well or not. */
  #running: Promise<unknown> = Promise.resolve();
  #ended: Promise<void> | undefined;

  constructor(procedure: Procedure) {
    this.#procedure = procedure;
    this.link = linkToMain(procedure.name, { beforeFailing: () => this.#end(GRACE_MS) });
    this.#devices = createDevices(this.link.send);
    this.#disk = createDiskQuestions(this.link.send);
    this.#sender = new MessageSender({
      now: () => Date.now(),
      onFailure: (error) => this.link.logger.error(`a message was not stored: ${error.message}`),
    });
  }

  announce(): void {
    const settingsSchema = z.toJSONSchema(this.#procedure.config, { io: "input" }) as JsonSchema;
    const { name, selfTest, rpc = {} } = this.#procedure;
    const methods = describeMethods(rpc);
    this.link.send({ type: "announce", name, settingsSchema, hasSelfTest: selfTest !== undefined, methods });
  }

  receive(message: MainToProcedure): void {
    switch (message.type) {
      case "check":
        this.link.startBeating(message.beatIntervalMs);
        return this.#check(message.settings);
      case "run":
        return void this.#run(message).catch(this.link.fail);
      case "self_test":
        return void this.#selfTest(message);
      case "store_port":
        return this.#sender.attach(message.storePort);
      case "call":
        return void answerCall(message, this.#procedure.rpc ?? {}, this.#context, this.link.send);
      case "device_answer":
        return this.#devices.receive(message);
      case "disk_answer":
        return this.#disk.receive(message);
      case "teardown":
        return void this.#tearDown(message.graceMs).catch(this.link.fail);
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
    const work = this.#work(this.#context);
    this.#running = work.catch(() => {});
    await work;
    if (this.#stopping.signal.aborted) return;
    throw new Error("run() returned although nobody had asked the procedure to end");
  }

  async #work(context: ProcedureContext<unknown>): Promise<void> {
    await this.#procedure.setup?.(context);
    this.link.send({ type: "started" });
    await this.#procedure.run(context);
  }

  async #selfTest(message: MainToProcedure & { type: "self_test" }): Promise<void> {
    try {
      await this.#procedure.selfTest?.(this.#createContext(message));
      this.link.send({ type: "self_tested", error: null });
    } catch (error) {
      this.link.send({ type: "self_tested", error: reportError(error) });
    }
  }

  async #tearDown(graceMs: number): Promise<void> {
    await this.#end(graceMs);
    this.link.send({ type: "torn_down" });
  }

  /** Tears the equipment down and sees the last messages safe, once; also after a failure. */
  #end(graceMs: number): Promise<void> {
    this.#stopping.abort();
    return this.#ended ??= this.#endOnce(graceMs);
  }

  async #endOnce(graceMs: number): Promise<void> {
    const context = this.#context;
    if (context === undefined) return;
    await this.#allow("run", this.#running, graceMs * RUN_SHARE);
    const teardown = (async () => await this.#procedure.teardown?.(context))();
    await this.#allow("teardown", teardown, graceMs * TEARDOWN_SHARE);
    await withLimit(this.#sender.settled(), graceMs * LAST_MESSAGES_SHARE, undefined);
  }

  async #allow(what: string, work: Promise<unknown>, limitMs: number): Promise<void> {
    const isDone = await withLimit(work.then(() => true), limitMs, false);
    if (isDone) return;
    this.link.logger.warning(`${what}() did not end within ${formatDuration(limitMs)} of being told to end`);
  }

  #createContext(message: MainToProcedure & { type: "run" | "self_test" }): ProcedureContext<unknown> {
    const { signal } = this.#stopping;
    const stateOf = followState(message.state, stateFields);
    return {
      config: this.#settings,
      every: (seconds) => every(seconds, { signal }),
      messages: this.#sender,
      get state() {
        return stateOf();
      },
      logger: this.link.logger,
      devices: this.#devices.devices,
      node: { ...message.node, disk: () => this.#disk.ask() },
      signal,
    };
  }
}
