// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

const config = z.strictObject({ folder: z.string(), broken: z.boolean().default(false) });

/** Equipment that only one may hold: a file that must not be there yet. */
export default defineProcedure({
  name: "holds_equipment",
  config,
  setup: ({ config: { folder } }) => take(folder),
  async run({ every, messages }) {
    for await (const { timeMs } of every(0.05)) messages.data({ equipment: timeMs });
  },
  teardown: ({ config: { folder } }) => release(folder),
  selfTest({ config: { folder, broken } }) {
    take(folder);
    release(folder);
    if (broken) throw new Error("the pump does not turn");
  },
});

function take(folder: string): void {
  Deno.writeTextFileSync(`${folder}/equipment`, "held", { createNew: true });
}

function release(folder: string): void {
  Deno.removeSync(`${folder}/equipment`);
}
