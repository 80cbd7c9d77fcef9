// Runs in: tests.
import type * as z from "zod";
import type { Data, Devices, Procedure, ProcedureContext } from "../../src/runtime/procedure.ts";
import { createLogger } from "../../src/shared/logger.ts";
import { type State, stateFields } from "../../src/shared/state.ts";
import { fakeDevices } from "./fake_devices.ts";

export interface RunOptions {
  /** As in the configuration, without `enabled`. */
  config: unknown;
  /** How many ticks there are; then the procedure is told to end. Default: as many as `states`. */
  ticks?: number;
  /** What of the shared state is new at each tick. */
  states?: Partial<State>[];
  /** Called before each tick, from 0: changes what the hardware says. */
  beforeTick?: (index: number) => void;
  /** Tells the procedure to end as soon as it holds: for those that do not tick. Looked at after each message. */
  until?: (run: ProcedureRun) => boolean;
  /** Default: none is there. */
  devices?: Devices;
}

/** What a procedure did. */
export interface ProcedureRun {
  data: Data[];
  /** `INFO the subject`, of its own log and of log messages. */
  logs: string[];
  /** The shared state after its last update. */
  state: State;
}

/**
 * Runs a procedure in this thread as the agent does: `setup`, `run`, and `teardown` whatever happened. Ticks come at
 * once, the equipment is what the test hands over.
 *
 * @throws what the procedure throws.
 */
export async function runProcedure<Schema extends z.ZodType>(
  procedure: Procedure<Schema>,
  options: RunOptions,
): Promise<ProcedureRun> {
  const { context, run } = createContext(procedure, options);
  try {
    await procedure.setup?.(context);
    await procedure.run(context);
  } finally {
    await procedure.teardown?.(context);
  }
  return run;
}

/** What a procedure works with, for calling its parts one by one; `run` fills up meanwhile. */
export function createContext<Schema extends z.ZodType>(
  procedure: Procedure<Schema>,
  options: RunOptions,
): { context: ProcedureContext<z.output<Schema>>; run: ProcedureRun } {
  const run: ProcedureRun = { data: [], logs: [], state: initialState() };
  const stop = new AbortController();
  const add = <T>(list: T[], item: T) => {
    list.push(item);
    if (options.until?.(run)) stop.abort();
  };
  const logger = createLogger(procedure.name, ({ level, subject }) => add(run.logs, `${level} ${subject}`));
  const context: ProcedureContext<z.output<Schema>> = {
    config: procedure.config.parse(options.config),
    every: () => ticksOf(options, run, stop),
    messages: {
      data: (data) => Promise.resolve(add(run.data, data)),
      log: (level, subject) => Promise.resolve(add(run.logs, `${level} ${subject}`)),
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
    logger,
    devices: options.devices ?? fakeDevices(),
    node: {
      systemIdentifier: "test",
      softwareVersion: "0.0.0",
      agentStartedMs: Date.now(),
      disk: () => Promise.resolve({ freeBytes: 60e9, sizeBytes: 100e9 }),
    },
    signal: stop.signal,
  };
  return { context, run };
}

async function* ticksOf(
  { states = [], ticks = states.length, beforeTick }: RunOptions,
  run: ProcedureRun,
  stop: AbortController,
) {
  for (let index = 0; index < ticks && !stop.signal.aborted; index++) {
    run.state = { ...run.state, ...states[index] };
    beforeTick?.(index);
    yield await Promise.resolve({ timeMs: Date.now(), missed: 0 });
  }
  stop.abort();
}

function initialState(): State {
  const fields = Object.entries(stateFields).map(([name, schema]) => [name, schema.parse(undefined)]);
  return Object.fromEntries(fields);
}
