// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { pathsOf } from "../../../src/agent/paths.ts";
import { countStart, previousWhileWatched } from "../../../src/agent/updater/count_start.ts";
import { watchHealth } from "../../../src/agent/updater/health.ts";
import { type Health, readJournal, writeJournal } from "../../../src/agent/updater/journal.ts";
import { changesNothing, planChanges } from "../../../src/agent/updater/plan_changes.ts";
import { Revisions } from "../../../src/agent/updater/revisions.ts";

const ALL: Health = { procedures: ["walk", "checks"], backends: ["mqtt", "tenta"] };

function watch(
  now: Partial<Health> & { failed?: Record<string, string>; fault?: string },
  present: Partial<Health> = {},
  before = ALL,
) {
  return watchHealth({
    vitals: { failures: () => now.failed ?? {}, health: () => ({ ...ALL, ...now }), fault: () => now.fault },
    before,
    present: { ...ALL, ...present },
    sinceMs: 0,
    watchMs: 60,
    signal: new AbortController().signal,
  });
}

const WATCHES: [name: string, verdict: Promise<string | undefined>, expected: string | undefined][] = [
  ["everything works", watch({}), undefined],
  [
    "a procedure that ran before fails",
    watch({ failed: { walk: "no sensor" } }),
    "the procedure walk ran before and now fails: no sensor",
  ],
  [
    "the main thread broke off what it was at",
    watch({ fault: "a fault of Ivy itself: it stumbled" }),
    "a fault of Ivy itself: it stumbled",
  ],
  [
    "a procedure that failed before still fails",
    watch({ failed: { walk: "x" } }, {}, { ...ALL, procedures: ["checks"] }),
    undefined,
  ],
  [
    "a procedure that was removed is not missed",
    watch({ failed: { walk: "x" } }, { procedures: ["checks"] }),
    undefined,
  ],
  [
    "a backend does not come back",
    watch({ backends: ["tenta"] }),
    "the backend mqtt was connected before and does not come back",
  ],
  [
    "a backend that was removed is not missed",
    watch({ backends: ["tenta"] }, { backends: ["tenta"] }),
    undefined,
  ],
  [
    "a backend that was not connected before need not be",
    watch({ backends: ["tenta"] }, {}, { ...ALL, backends: ["tenta"] }),
    undefined,
  ],
  [
    "every backend is replaced, and none is connected",
    watch({ backends: [] }, { backends: ["new"] }),
    "no backend is connected any more: the node could not be reached",
  ],
  [
    "every backend is replaced, and the new one is connected",
    watch({ backends: ["new"] }, { backends: ["new"] }),
    undefined,
  ],
  [
    "there was no backend, and there is none",
    watch({ backends: [] }, { backends: [] }, { ...ALL, backends: [] }),
    undefined,
  ],
];
for (const [name, verdict, expected] of WATCHES) {
  Deno.test(`a new configuration is watched: ${name}`, async () => assertEquals(await verdict, expected));
}

const BEFORE = {
  general: { config_revision: 1, system_identifier: "a" },
  logging_verbosity: { file_archive: "DEBUG" },
  procedures: { walk: { enabled: true, seconds: 1 }, checks: { enabled: true }, off: { enabled: false } },
  backends: [{ provider: "mqtt", port: 1 }, { name: "second", provider: "mqtt", port: 2 }],
};
type Config = typeof BEFORE & { storage?: unknown; status_page?: unknown };
const NONE = { stop: [], start: [] };

const PLANS: [name: string, change: (config: Config) => void, expected: object][] = [
  ["nothing but the revision", (config) => config.general.config_revision = 2, {}],
  ["a procedure's settings", (config) => config.procedures.walk.seconds = 2, {
    procedures: { stop: ["walk"], start: ["walk"] },
  }],
  ["a procedure turned off", (config) => config.procedures.walk.enabled = false, {
    procedures: { stop: ["walk"], start: [] },
  }],
  ["a procedure turned on", (config) => config.procedures.off.enabled = true, {
    procedures: { stop: [], start: ["off"] },
  }],
  ["settings of one that is off", (config) => Object.assign(config.procedures.off, { a: 1 }), {}],
  ["backends in another order", (config) => config.backends.reverse(), {}],
  ["a backend's settings", (config) => config.backends[1]!.port = 3, {
    backends: { stop: ["second"], start: ["second"] },
  }],
  ["a backend removed", (config) => config.backends.pop(), { backends: { stop: ["second"], start: [] } }],
  ["thresholds", (config) => config.logging_verbosity.file_archive = "INFO", { logging: true }],
  ["the page", (config) => config.status_page = { port: 80 }, { page: true }],
  ["storage", (config) => config.storage = { retention_days: 5 }, { storage: true }],
  ["empty storage", (config) => config.storage = {}, {}],
  ["the system's name concerns everybody", (config) => config.general.system_identifier = "b", {
    procedures: { stop: ["walk", "checks"], start: ["walk", "checks"] },
    backends: { stop: ["mqtt", "second"], start: ["mqtt", "second"] },
    page: true,
  }],
];
for (const [name, change, expected] of PLANS) {
  Deno.test(`what a new configuration restarts: ${name}`, () => {
    const after = structuredClone(BEFORE) as Config;
    change(after);
    const plan = planChanges(BEFORE, after);
    assertEquals(
      plan,
      {
        procedures: NONE,
        backends: NONE,
        logging: false,
        storage: false,
        page: false,
        ...expected,
      } as typeof plan,
    );
    assertEquals(changesNothing(plan), Object.keys(expected).length === 0);
  });
}

Deno.test("a new configuration that does not stay up is given up at the fourth start", async () => {
  const root = await Deno.makeTempDir({ prefix: "ivy-starts-" });
  const paths = pathsOf(root);
  await Deno.mkdir(join(paths.versionFolder, "config"), { recursive: true });
  await Deno.mkdir(paths.data);
  await Deno.mkdir(paths.control);
  await Deno.writeTextFile(paths.configFile, '{"new":true}');
  await Deno.writeTextFile(paths.previousConfigFile, '{"old":true}');
  assertEquals([countStart(paths), previousWhileWatched(paths)], [undefined, undefined]);
  writeJournal(paths.reconfiguration, { revision: 7, before: ALL, starts: 0 });
  for (let start = 1; start <= 3; start++) {
    assertEquals(countStart(paths), undefined);
    assertEquals(readJournal(paths.reconfiguration)!.starts, start);
    assertEquals(previousWhileWatched(paths), { old: true });
  }
  assertEquals(
    countStart(paths),
    "configuration 7 is given up: the agent was started 3 times with it and did not stay up; the previous one is used again",
  );
  assertEquals(await Deno.readTextFile(paths.configFile), '{"old":true}');
  assertEquals(readJournal(paths.reconfiguration), undefined);
  assertEquals(new Revisions(paths).unreported.map(({ revision }) => revision), [7]);
  await Deno.remove(root, { recursive: true });
});
