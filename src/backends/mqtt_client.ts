// Runs in: backend worker.
import "./empty_environment.ts";
import module, { type IClientOptions, type IClientPublishOptions } from "mqtt/lib/client";

export type { IClientOptions, IClientPublishOptions };

/**
 * mqtt.js's client alone: its main module loads WebSockets, proxies and timers that nobody here uses (365 kB). It is
 * CommonJS, whose default export Deno and the bundler show differently.
 */
export const MqttClient = "default" in module ? module.default : module as never;
export type MqttClient = InstanceType<typeof MqttClient>;
