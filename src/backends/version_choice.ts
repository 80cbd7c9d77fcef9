// Runs in: backend worker.
import type { MqttVersion } from "./mqtt_session.ts";

/** Which version of MQTT to try: 5, and 3.1.1 where the server refuses 5 or leaves without a word. */
export interface VersionChoice {
  readonly next: MqttVersion;
  failed(isVersion: "yes" | "no" | "perhaps"): void;
  worked(version: MqttVersion): void;
}

export function createVersionChoice(): VersionChoice {
  let next: MqttVersion = 5;
  /** The server has said itself that it does not speak 5. */
  let isSure = false;
  const other = () => next = next === 5 ? 4 : 5;
  return {
    get next() {
      return next;
    },
    failed(isVersion) {
      if (isVersion === "no") return;
      if (isVersion === "yes") isSure = next === 5;
      other();
    },
    worked(version) {
      if (version === 4 && !isSure) next = 5; // it may have been a bad moment: look again next time
    },
  };
}
