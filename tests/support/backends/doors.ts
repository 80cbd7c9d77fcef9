// Runs in: backend worker.
import * as z from "zod";
import "../../../src/backends/mqtt_client.ts";
import { commonSettings, createRequestLink, defineBackend } from "../../../src/runtime/backend.ts";
import { tryDoors } from "../doors.ts";

/** Tries what a worker may not do, with what all MQTT backends load, and logs what came of it. */
export default defineBackend({
  provider: globalThis.name,
  config: z.strictObject({ ...commonSettings, mqtt_connection: z.unknown(), data: z.string() }),
  open: ({ config, logger }) => ({
    encode: ({ id }) => ({ id, channel: "", text: "" }),
    async connect() {
      logger.info(`doors ${JSON.stringify(await tryDoors(config.data))}`);
      return createRequestLink({
        description: "nowhere",
        limits: { isArray: false, maxElements: 1, maxBytes: Infinity, maxPoints: Infinity },
        send: () => Promise.resolve(),
      });
    },
  }),
});
