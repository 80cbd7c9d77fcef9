// Runs in: benchmarks.
import * as z from "zod";

/** A state as a node may have it: a counter beside a field like the one of `system_checks`. */
export const benchFields = {
  count: z.number().default(0),
  system: z.strictObject({
    checked_at: z.number(),
    load_1m: z.number(),
    load_5m: z.number(),
    memory_used_percent: z.number(),
    overloaded: z.boolean(),
  }).default({ checked_at: 0, load_1m: 0, load_5m: 0, memory_used_percent: 0, overloaded: false }),
} as const;
