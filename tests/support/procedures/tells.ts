// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";

/** Sends several messages per tick without waiting, and says on stdout at once what becomes of each; of any name. */
export default defineProcedure({
  name: globalThis.name,
  config: z.strictObject({ seconds: z.number().min(0.005).default(0.02), at_once: z.int().default(3) }),
  async run({ config, every, messages }) {
    const life = crypto.randomUUID().slice(0, 8);
    let count = 0;
    for await (const _tick of every(config.seconds)) {
      say(`t ${life}`);
      for (let one = 0; one < config.at_once; one++) {
        const key = `${life}/${++count}`;
        messages.data({ key, co2: 412.1, ok: true })
          .then(() => say(`a ${key}`), (error: Error) => say(`r ${key} ${error.message}`));
      }
    }
  },
});

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
