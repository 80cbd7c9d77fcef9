// Runs in: backend worker.
import * as z from "zod";
import { commonSettings } from "../runtime/backend.ts";
import { secret } from "../shared/secrets.ts";
import { defineMqttBackend } from "./mqtt_backend.ts";
import { mqttConnection } from "./mqtt_settings.ts";
import { SUBSCRIPTIONS } from "./thingsboard_decode.ts";
import { ThingsboardDevice } from "./thingsboard_device.ts";
import { createEncoder } from "./thingsboard_encode.ts";
import { FIRMWARE_SUBSCRIPTIONS } from "./thingsboard_firmware.ts";

const config = z.strictObject({
  ...commonSettings,
  mqtt_connection: mqttConnection(secret().describe("the device's access token, or its user name")),
  provisioning: z.strictObject({
    device_key: z.string().min(1).describe("the device profile's provision key"),
    device_secret: secret().describe("the device profile's provision secret"),
    device_name: z.string().min(1).max(255).optional().describe("default: the system identifier"),
  }).nullable().default(null)
    .describe(
      "how the device gets credentials of its own, where mqtt_connection has none; null = it has them",
    ),
  rpc: z.strictObject({
    allow: z.array(z.string().min(1)).default([]).describe("methods that the server may call; [] = none"),
  }).prefault({}),
});
export type Settings = z.output<typeof config>;

/** ThingsBoard, by its MQTT device API. */
export default defineMqttBackend({
  provider: "thingsboard",
  config,
  speak(context) {
    const device = new ThingsboardDevice(context);
    return {
      encode: createEncoder(),
      subscriptions: [...SUBSCRIPTIONS, ...FIRMWARE_SUBSCRIPTIONS],
      parcel: () => device.parcel,
      mustReachSomebody: true,
      window: () => device.window,
      pace: ({ points }) => device.pace(points),
      heard: (topic, payload, session) => device.heard(topic, payload, session),
      entered: (session, isOver) => device.entered(session, isOver),
      credentials: (enterAs) => device.credentials(enterAs),
      factsChanged: () => device.factsChanged(),
      bringPackage: (port) => device.firmware.bring(port),
      tellReport: (report) => device.firmware.tell(report),
    };
  },
});
