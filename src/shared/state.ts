// Runs in: any thread.
import * as z from "zod";

/**
 * What every procedure knows. Each top-level field has a default, so that a node that has just started, or whose
 * snapshot no longer fits, has a whole state. Research groups add their own fields below `system`.
 */
export const stateFields = {
  /** Written by `system_checks`; null until the first check. Loads are in processes, not in percent. */
  system: z.strictObject({
    load_1m: z.number().min(0).nullable(),
    load_5m: z.number().min(0).nullable(),
    load_per_core: z.number().min(0).nullable(),
    memory_used_percent: z.number().min(0).max(100).nullable(),
    disk_used_percent: z.number().min(0).max(100).nullable(),
    cpu_temperature_c: z.number().nullable(),
    /** True while load, memory, disk or temperature is above its threshold: others should skip heavy work. */
    overloaded: z.boolean(),
  }).default({
    load_1m: null,
    load_5m: null,
    load_per_core: null,
    memory_used_percent: null,
    disk_used_percent: null,
    cpu_temperature_c: null,
    overloaded: false,
  }),
} as const;

export const stateSchema = z.strictObject(stateFields);
export type State = z.output<typeof stateSchema>;
export type StateField = keyof State;

/** The state of a node that knows nothing yet. */
export function defaultState(): State {
  return stateSchema.parse({});
}
