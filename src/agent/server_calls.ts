// Runs in: main thread.
import type { Logger } from "../shared/logger.ts";
import type { BackendEntry } from "./backend_host.ts";
import type { ProcedureHost } from "./procedure_host.ts";
import type { AgentStatus } from "./status.ts";

export interface ServerCallsOptions {
  procedures: () => readonly ProcedureHost[];
  status: () => Promise<AgentStatus>;
  /** Replaces the agent by a fresh one, once the answer is on its way. */
  restart: () => void;
  /** Restarts one procedure. */
  restartProcedure: (host: ProcedureHost) => Promise<void>;
  /** @returns what failed; undefined when nothing did. */
  runTests: () => Promise<string | undefined>;
  /** The words that restart the machine; undefined where whoever installed the node has not provided any. */
  rebootCommand: readonly string[] | undefined;
  logger: Logger;
}

type Method = (params: unknown) => unknown;

/**
 * What servers may ask of this node, each method only where the backend's own `rpc.allow` names it. There is no method
 * that runs a command of the server's choice.
 */
export class ServerCalls {
  #options: ServerCallsOptions;

  constructor(options: ServerCallsOptions) {
    this.#options = options;
  }

  /** @throws {Error} with a sentence for the server. */
  async call(entry: BackendEntry, method: string, params: unknown): Promise<unknown> {
    const allowed = allowedMethods(entry);
    const run = allowed.includes(method) ? this.#methods(allowed).get(method) : undefined;
    if (run === undefined) throw new Error("this method is not allowed on this node");
    this.#options.logger.info(`${entry.name} calls ${method}`);
    return await run(params);
  }

  #methods(allowed: string[]): Map<string, Method> {
    const { procedures, status, restart, runTests, rebootCommand } = this.#options;
    const methods = new Map<string, Method>();
    for (const host of procedures()) {
      for (const name of Object.keys(host.methods)) {
        if (!methods.has(name)) methods.set(name, (params) => host.call(name, params));
      }
    }
    methods.set("ping", () => ({ time: Date.now() / 1000 }));
    methods.set("status", status);
    methods.set("restart", () => {
      restart();
      return { restarting: true };
    });
    methods.set("restart_procedure", (params) => this.#restartProcedure(params));
    methods.set("run_tests", async () => {
      const failure = await runTests();
      return failure === undefined ? { passed: true } : { passed: false, failure };
    });
    if (rebootCommand !== undefined) methods.set("reboot", () => reboot(rebootCommand));
    methods.set("list", () => this.#list([...methods.keys()].filter((name) => allowed.includes(name))));
    return methods;
  }

  #list(names: string[]): unknown {
    const hosts = this.#options.procedures();
    const schemas = Object.assign({}, ...hosts.map(({ methods }) => methods).reverse()); // the first is called
    return {
      methods: names.sort().map((name) =>
        Object.hasOwn(schemas, name) ? { name, params: schemas[name] } : { name }
      ),
      procedures: hosts.map(({ name }) => name),
    };
  }

  async #restartProcedure(params: unknown): Promise<unknown> {
    const { procedures, restartProcedure } = this.#options;
    const name = (params as { name?: unknown } | null)?.name;
    const host = procedures().find((procedure) => procedure.name === name);
    if (host === undefined) {
      throw new Error(
        `expected {"name": …} of a procedure: ${procedures().map(({ name }) => name).join(", ")}`,
      );
    }
    await restartProcedure(host);
    return { restarted: host.name };
  }
}

function allowedMethods({ settings }: BackendEntry): string[] {
  const allow = (settings["rpc"] as { allow?: unknown } | undefined)?.allow;
  return Array.isArray(allow) ? allow.filter((name) => typeof name === "string") : [];
}

async function reboot([program, ...args]: readonly string[]): Promise<unknown> {
  const { success, stderr } = await new Deno.Command(program!, { args, stdin: "null" }).output();
  if (!success) throw new Error(`the machine was not restarted: ${new TextDecoder().decode(stderr).trim()}`);
  return { rebooting: true };
}
