// Runs in: tests, any thread.
import * as z from "zod";
import { volatile } from "../../src/shared/state_fields.ts";

/** Every update of the test workers changes two fields, so that half of one would show: the parts sum up to the total. */
export const testFields = {
  total: z.number().default(0),
  parts: z.record(z.string(), z.number()).default({}),
  note: z.string().default(""),
  moment: volatile(z.number().default(0)),
} as const;
