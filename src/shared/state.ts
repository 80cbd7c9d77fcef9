// Runs in: any thread.
import * as z from "zod";
import { type StateFields, type StateOf, volatile } from "./state_fields.ts";

export type { StateFields, StateOf };

/**
 * What every procedure knows. To share something of your own, add a field, for example
 *
 * ```ts
 * ups: z.strictObject({
 *   on_battery: z.boolean(),
 *   charge_percent: z.number().min(0).max(100).nullable(),
 * }).default({ on_battery: false, charge_percent: null }),
 * ```
 *
 * One procedure then writes it, and others read or follow it, with types:
 *
 * ```ts
 * await state.update((draft) => { draft.ups.on_battery = true; });
 * if (state.current.ups.on_battery) continue; // skip the heavy work
 * for await (const onBattery of state.watch((now) => now.ups.on_battery, { signal })) …
 * ```
 *
 * Every field has a default: a node that has just started, or whose snapshot no longer fits, has a whole state. What
 * is in a field survives a restart unless the field is {@link volatile}, so mark what is only true for the moment.
 * Fields hold plain data of at most 64 KiB each; two procedures that write the same field wait for each other.
 */
export const stateFields = {
  /** The last look of `system_checks` at the machine; null before the first. Loads count processes, not percent. */
  system: z.strictObject({
    /** Unix seconds of the look: after a restart it is an old one. */
    checked_at: z.number().nullable(),
    load_1m: z.number().min(0).nullable(),
    load_5m: z.number().min(0).nullable(),
    load_per_core: z.number().min(0).nullable(),
    memory_used_percent: z.number().min(0).max(100).nullable(),
    disk_used_percent: z.number().min(0).max(100).nullable(),
    cpu_temperature_c: z.number().nullable(),
  }).default({
    checked_at: null,
    load_1m: null,
    load_5m: null,
    load_per_core: null,
    memory_used_percent: null,
    disk_used_percent: null,
    cpu_temperature_c: null,
  }),
  /** True while load, memory, disk or temperature is above its threshold: others should skip heavy work. */
  overloaded: volatile(z.boolean().default(false)),
} as const satisfies StateFields;

/** All fields with their types. */
export type State = StateOf<typeof stateFields>;
