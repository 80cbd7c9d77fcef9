// Runs in: tests, main thread.
import { procedures as shipped } from "../../procedures/registry.ts";
import type { ProcedureRegistry } from "../../src/shared/registry.ts";

const NONE = () => ({});

/** What procedures forge: see procedures/forges.ts, which a main thread cannot load for its list. */
export const FORGERIES = [
  ...[
    "null",
    "text",
    "bare_log",
    "log_level",
    "log_time",
    "failed",
    "announce",
    "checked",
    "fault_path",
    "beat",
  ],
  ...["device", "unknown", "cyclic", "flood", "store_null", "store_no_messages", "store_time", "store_late"],
  ...["store_no_json", "store_nested", "store_infinite", "store_variant", "store_config", "store_sequence"],
  ...["store_many", "state_null", "state_text", "state_value", "state_field", "state_flood"],
  ...["checked_often", "announce_often", "log_flood", "answer_flood", "state_weight"],
  ...["store_empty", "store_heavy"],
] as const;
/** What is unusual, and nobody's failure. */
const TRICKS = ["line_feed", "log_lines", "broadcast", "large_broadcast"];

/** Procedures that misbehave, each in its own way, and a neighbour that does not. */
export const testProcedures: ProcedureRegistry = {
  metronome: { module: import.meta.resolve("./procedures/metronome.ts"), permissions: NONE },
  has_valve: { module: import.meta.resolve("./procedures/has_valve.ts"), permissions: NONE },
  counts: { module: import.meta.resolve("./procedures/counts.ts"), permissions: NONE },
  tells_1: { module: import.meta.resolve("./procedures/tells.ts"), permissions: NONE },
  tells_2: { module: import.meta.resolve("./procedures/tells.ts"), permissions: NONE },
  tells_3: { module: import.meta.resolve("./procedures/tells.ts"), permissions: NONE },
  tells_4: { module: import.meta.resolve("./procedures/tells.ts"), permissions: NONE },
  throws_on_loading: { module: import.meta.resolve("./procedures/throws_on_loading.ts"), permissions: NONE },
  throws_at_once: { module: import.meta.resolve("./procedures/throws_at_once.ts"), permissions: NONE },
  throws_later: { module: import.meta.resolve("./procedures/throws_later.ts"), permissions: NONE },
  rejects_unnoticed: { module: import.meta.resolve("./procedures/rejects_unnoticed.ts"), permissions: NONE },
  floods_log: { module: import.meta.resolve("./procedures/floods_log.ts"), permissions: NONE },
  trespasses: { module: import.meta.resolve("./procedures/trespasses.ts"), permissions: NONE },
  ignores_teardown: { module: import.meta.resolve("./procedures/ignores_teardown.ts"), permissions: NONE },
  looks_around: {
    module: import.meta.resolve("./procedures/looks_around.ts"),
    permissions: () => ({ env: ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] }),
  },
  measures_much: { module: import.meta.resolve("./procedures/measures_much.ts"), permissions: NONE },
  keeps_secrets: { module: import.meta.resolve("./procedures/keeps_secrets.ts"), permissions: NONE },
  sets_up_slowly: { module: import.meta.resolve("./procedures/sets_up_slowly.ts"), permissions: NONE },
  grows: { module: import.meta.resolve("./procedures/grows.ts"), permissions: NONE, memoryLimitMb: 64 },
  grows_secretly: {
    module: import.meta.resolve("./procedures/grows.ts"),
    permissions: NONE,
    memoryLimitMb: 64,
  },
  speaks_when_replaced: {
    module: import.meta.resolve("./procedures/speaks_when_replaced.ts"),
    permissions: NONE,
    watchdogSeconds: 1,
  },
  spins: {
    module: import.meta.resolve("./procedures/spins.ts"),
    permissions: ({ mark }) => ({ write: [`${mark}`] }),
    watchdogSeconds: 1,
  },
  raises_load: {
    module: import.meta.resolve("./procedures/raises_load.ts"),
    permissions: ({ file }) => ({ read: [`${file}`] }),
  },
  holds_equipment: {
    module: import.meta.resolve("./procedures/holds_equipment.ts"),
    permissions: ({ folder }) => ({ write: [`${folder}`], read: [`${folder}`] }),
  },
  reads_device: {
    module: import.meta.resolve("./procedures/reads_device.ts"),
    permissions: NONE,
    devices: { read: ["/dev/**"] },
  },
  shows_state: { module: import.meta.resolve("./procedures/shows_state.ts"), permissions: NONE },
  ...Object.fromEntries(
    [...FORGERIES, ...TRICKS].map((name) => [
      `forges_${name}`,
      { module: import.meta.resolve("./procedures/forges.ts"), permissions: NONE },
    ]),
  ),
  misnamed: { module: import.meta.resolve("./procedures/metronome.ts"), permissions: NONE },
  wrong_host: {
    module: import.meta.resolve("./procedures/doors.ts"),
    permissions: () => ({ net: ["two words"] }),
  },
  wrong_line: {
    module: import.meta.resolve("./procedures/doors.ts"),
    permissions: ({ host }) => ({ net: [(host as { name: string }).name] }),
  },
  doors_of_files: {
    module: import.meta.resolve("./procedures/doors.ts"),
    permissions: ({ folder }) => ({ read: [`${folder}/read`], write: [`${folder}/written`] }),
  },
  doors_of_random_walk: {
    ...shipped["random_walk"]!,
    module: import.meta.resolve("./procedures/doors.ts"),
  },
  doors_of_system_checks: {
    ...shipped["system_checks"]!,
    module: import.meta.resolve("./procedures/doors.ts"),
  },
};
