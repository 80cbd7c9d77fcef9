// Runs in: main thread.
import type { ProcedureRegistry } from "../src/shared/registry.ts";

/**
 * The one place that says which procedures there are and what each may touch. A new procedure is a new file in this
 * folder and one line here. What a line does not grant is denied.
 */
export const procedures: ProcedureRegistry = {
  system_checks: {
    module: import.meta.resolve("./system_checks.ts"),
    permissions: () => ({ sys: ["loadavg", "osUptime"] }),
    devices: { read: ["/proc/meminfo", "/proc/self/status", "/sys/class/thermal", "/sys/class/thermal/**"] },
  },
  random_walk: {
    module: import.meta.resolve("./random_walk.ts"),
    permissions: () => ({}),
  },
};
