// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";
import { secret } from "../../../src/shared/secrets.ts";

/** Has secrets under telling and other names, measures their lengths, and shouts them where it should not. */
export default defineProcedure({
  name: "keeps_secrets",
  config: z.strictObject({ password: secret(), pin: secret(), plate: secret() }),
  async run({ config, every, messages, logger }) {
    const lengths = Object.entries(config).map(([key, value]) => [`${key}_length`, (value as string).length]);
    await messages.data(Object.fromEntries(lengths));
    logger.warning(`signing in with ${config.password}`, config);
    for await (const _tick of every(0.1)) throw new Error(`pin ${config.pin} was refused`);
  },
});
