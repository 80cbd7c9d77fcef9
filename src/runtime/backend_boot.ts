// Runs in: backend worker.
import * as z from "zod";
import { faultsOf } from "../shared/faults.ts";
import type { BackendFacts, BackendToMain, MainToBackend } from "../shared/protocol.ts";
import type { JsonSchema } from "../shared/secrets.ts";
import { linkToMain, type WorkerLink } from "../shared/worker_link.ts";
import type { Backend, Driver } from "./backend.ts";
import { createInbox } from "./inbox.ts";
import { keepDelivering } from "./keep_delivering.ts";
import { StoreDoor } from "./store_door.ts";

/** Connects a backend to main: announce, check the settings, deliver, tear down. */
export function bootBackend(backend: Backend): void {
  const life = new BackendLife(backend);
  life.link.onMessage((message: MainToBackend) => life.receive(message));
  life.announce();
}

class BackendLife {
  link: WorkerLink<BackendToMain>;
  #backend: Backend;
  #stopping = new AbortController();
  #door = new StoreDoor();
  #inbox;
  #settings: z.output<Backend["config"]> | undefined;
  #running: Promise<void> = Promise.resolve();
  /** One object for the worker's life: whoever holds it sees what has changed. */
  #facts: BackendFacts | undefined;
  #driver: Driver | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
    this.link = linkToMain(backend.provider);
    this.#inbox = createInbox(this.link.send, this.link.logger);
  }

  announce(): void {
    const settingsSchema = z.toJSONSchema(this.#backend.config, { io: "input" }) as JsonSchema;
    this.link.send({ type: "announce", provider: this.#backend.provider, settingsSchema });
  }

  receive(message: MainToBackend): void {
    switch (message.type) {
      case "check":
        this.link.startBeating(message.beatIntervalMs);
        return this.#check(message.settings);
      case "run":
        this.#running = this.#run(message).catch(this.link.fail);
        return;
      case "store_port":
        return this.#door.attach(message.storePort);
      case "facts":
        return this.#beside("telling the server what has changed", () => this.#tellFacts(message.facts));
      case "package_port":
        return this.#beside("bringing a package", () => this.#driver?.bringPackage?.(message.port));
      case "package_report":
        return this.#beside("telling of a package", () => this.#driver?.tellReport?.(message.report));
      case "call_answer":
        return this.#inbox.answered(message);
      case "teardown":
        return void this.#tearDown().catch(this.link.fail);
      default:
        message satisfies never;
    }
  }

  #check(settings: unknown): void {
    const checked = this.#backend.config.safeParse(settings);
    this.#settings = checked.data;
    this.link.send({ type: "checked", faults: checked.success ? [] : faultsOf(checked.error) });
  }

  async #run({ name, facts, addresses, storePort }: MainToBackend & { type: "run" }): Promise<void> {
    const config = this.#settings!;
    const { logger } = this.link;
    this.#door.attach(storePort);
    this.#facts = facts;
    const driver = this.#backend.open({ config, name, facts, addresses, logger, inbox: this.#inbox.inbox });
    this.#driver = driver;
    this.link.send({ type: "started" });
    await keepDelivering({
      driver,
      door: this.#door,
      logger,
      stopping: this.#stopping.signal,
      maxDrainMs: config.max_drain_seconds * 1000,
      onConnection: (state) => this.link.send({ type: "connection", ...state }),
      ...(this.#backend.timing === undefined ? {} : { timing: this.#backend.timing }),
    });
  }

  /** Deliveries go on, whatever becomes of what is done beside them. */
  #beside(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.link.logger.exception(`${what} failed`, error);
    }
  }

  #tellFacts(facts: BackendFacts): void {
    if (this.#facts === undefined) return;
    Object.assign(this.#facts, facts);
    this.#driver?.factsChanged?.();
  }

  async #tearDown(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#door.close();
    this.link.send({ type: "torn_down" });
  }
}
