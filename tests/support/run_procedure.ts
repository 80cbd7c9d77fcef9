// Runs in: tests.
import type * as z from "zod";
import type { Devices } from "../../src/runtime/devices.ts";
import type { Procedure, ProcedureContext } from "../../src/runtime/procedure.ts";
import type { Data } from "../../src/shared/message.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { type State, stateFields } from "../../src/shared/state.ts";

export interface RunOptions {
  config: unknown;
  /** What of the shared state is new at each tick; the procedure gets as many ticks. */
  states: Partial<State>[];
  devices?: Devices;
  lockFile?: string;
}

/** What a procedure did. */
export interface ProcedureRun {
  data: Data[];
  logs: string[];
  /** The shared state after its last update. */
  state: State;
}

const NO_DEVICES: Devices = {
  read: () => Promise.reject(new Error("there is no such device")),
  list: () => Promise.resolve([]),
  write: () => Promise.reject(new Error("there is no such device")),
};

/** Runs a procedure in this thread, with ticks that come at once. */
export async function runProcedure(
  procedure: Procedure<z.ZodType>,
  options: RunOptions,
): Promise<ProcedureRun> {
  const run: ProcedureRun = { data: [], logs: [], state: initialState() };
  const stop = new AbortController();
  const context: ProcedureContext<unknown> = {
    config: procedure.config.parse(options.config),
    async *every() {
      for (const news of options.states) {
        run.state = { ...run.state, ...news };
        yield await Promise.resolve({ timeMs: Date.now(), missed: 0 });
      }
    },
    messages: {
      data: (data) => Promise.resolve(void run.data.push(data)),
      log: (level, subject) => Promise.resolve(void run.logs.push(`${level} ${subject}`)),
    },
    state: {
      get current() {
        return run.state;
      },
      update(change) {
        const draft = structuredClone(run.state);
        change(draft);
        run.state = draft;
        return Promise.resolve();
      },
      async *watch(select) {
        yield await Promise.resolve(select(run.state));
      },
    },
    logger: createLogger(procedure.name, ({ level, subject }) => run.logs.push(`${level} ${subject}`)),
    devices: options.devices ?? NO_DEVICES,
    node: {
      systemIdentifier: "test",
      softwareVersion: "0.0.0",
      lockFile: options.lockFile ?? "/dev/null",
      agentStartedMs: Date.now(),
    },
    signal: stop.signal,
  };
  await procedure.run(context);
  return run;
}

function initialState(): State {
  const fields = Object.entries(stateFields).map(([name, schema]) => [name, schema.parse(undefined)]);
  return Object.fromEntries(fields);
}
