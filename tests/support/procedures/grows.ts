// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

const scope = globalThis as unknown as Record<string, unknown>;
const { name } = scope;

if (name === "grows_secretly") {
  Object.assign(Deno, { memoryUsage: () => ({ rss: 1, heapTotal: 1, heapUsed: 1, external: 1 }) });
  Object.assign(performance, { now: () => 0 });
  Object.assign(scope, { setInterval: () => 0 });
}

/** Allocates without end, a piece per tick; openly or not. */
export default defineProcedure({
  name: `${name}`,
  config: z.strictObject({}),
  async run({ every }) {
    if (name === "grows_secretly") Object.assign(scope, { postMessage: () => {} });
    const kept: unknown[] = [];
    for await (const _tick of every(0.02)) {
      kept.push(Array.from({ length: 50_000 }, () => ({ n: Math.random() })));
    }
  },
});
