// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../src/runtime/procedure.ts";

const scope = globalThis as unknown as { postMessage(message: unknown): void };
/** Numbers of one life are this many apart from those of the next. */
const LIFE = 100_000_000;

/**
 * Sends numbered measurements without waiting, and says on stdout at once what becomes of each: `a N` (acknowledged) or
 * `r N WHY` (refused). When the file `orders` changes, it does what stands there: throw, spin, grow, stop talking.
 */
export default defineProcedure({
  name: globalThis.name,
  config: z.strictObject({
    seconds: z.number(),
    at_once: z.int(),
    orders: z.string(),
    mood: z.enum(["good", "bad"]),
  }),
  async run({ config, every, messages }) {
    if (config.mood === "bad") throw new Error("a setting that cannot be worked with");
    const life = 1 + crypto.getRandomValues(new Uint32Array(1))[0]! % 80_000_000;
    let count = 0;
    let done = readOrder(config.orders);
    for await (const _tick of every(config.seconds)) {
      const order = readOrder(config.orders);
      if (order !== done) obey(order);
      done = order;
      for (let one = 0; one < config.at_once; one++) {
        const n = life * LIFE + ++count;
        messages.data({ n, reading: count / 8 })
          .then(() => say(`a ${n}`), (error: Error) => say(`r ${n} ${error.message}`));
      }
    }
  },
});

function readOrder(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

function obey(order: string): void {
  if (order.startsWith("throw")) throw new Error("as ordered");
  if (order.startsWith("spin")) { while (true) { /* for ever */ } }
  if (order.startsWith("grow")) {
    for (const held: unknown[] = [];;) held.push(new Array(1_000_000).fill(Math.random()));
  }
  if (order.startsWith("forge")) scope.postMessage({ type: "log", nonsense: order });
  if (order.startsWith("reject")) void Promise.reject(new Error("as ordered, and unnoticed"));
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
