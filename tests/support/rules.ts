// Runs in: tests.

/** A part of the project: one thread, and what its modules may import besides each other. */
export interface Room {
  /** A folder, or one file, relative to the project. The most specific room counts. */
  path: string;
  /** What the first line of each of its modules may name as its thread; absent: not checked. */
  threads?: readonly string[];
  /** Rooms that it may import. */
  local: readonly string[];
  /** Packages that it may import, `*` standing for the rest of a name. `node:` is allowed: see {@link RESERVED}. */
  external: readonly string[];
  reason: string;
}

const MAIN = ["main thread"];
const ANYTHING = ["*"];

export const ROOMS: readonly Room[] = [
  {
    path: "main.ts",
    threads: MAIN,
    local: ["src/cli"],
    external: ["@std/cli"],
    reason: "it only calls a command",
  },
  {
    path: "src/cli",
    threads: MAIN,
    local: ["src/agent", "src/shared"],
    external: ["@std/*", "csv-stringify"],
    reason: "commands talk to people; what they do is in src/agent",
  },
  {
    path: "src/agent",
    threads: MAIN,
    local: [
      "src/shared",
      "procedures/registry.ts",
      "src/backends/registry.ts",
      "config",
      "src/agent/page/assets.ts",
    ],
    external: ["@std/*", "@logtape/logtape", "@logtape/file", "zod"],
    reason: "main has every permission, so it stays small; workers are reached by messages only",
  },
  {
    path: "src/agent/page/assets.ts",
    threads: MAIN,
    local: ["src/web"],
    external: ["htm", "preact", "uplot"],
    reason: "it embeds what the browser runs as text; main runs none of it",
  },
  {
    path: "src/store",
    threads: ["store worker"],
    local: ["src/shared"],
    external: [],
    reason: "the thread that writes measurements has no network and no foreign code",
  },
  {
    path: "src/runtime",
    threads: ["procedure worker", "backend worker", "procedure worker and backend worker"],
    local: ["src/shared"],
    external: ["zod"],
    reason: "every procedure and backend loads it",
  },
  {
    path: "src/runtime/lock.ts",
    threads: ["any worker thread"],
    local: ["src/shared"],
    external: [],
    reason: "it runs before anything else in a worker, and may load native libraries meanwhile",
  },
  {
    path: "src/runtime/broadcaster.ts",
    threads: ["broadcast worker"],
    local: ["src/shared"],
    external: [],
    reason: "it has nothing to do but to send",
  },
  {
    path: "src/backends",
    threads: ["backend worker"],
    local: ["src/runtime", "src/shared"],
    external: ["mqtt", "zod"],
    reason: "a backend holds topics and payloads; src/runtime does the rest",
  },
  {
    path: "src/backends/registry.ts",
    threads: MAIN,
    local: ["src/shared"],
    external: [],
    reason: "main loads the registry, and must not load a backend with it",
  },
  {
    path: "src/shared",
    threads: ["any thread", "any worker thread"],
    local: ["deno.json"],
    external: ["zod", "@std/path"],
    reason: "every thread loads it",
  },
  {
    path: "src/release",
    threads: ["release worker"],
    local: ["src/shared"],
    external: [],
    reason: "it reads foreign bytes before they are verified",
  },
  {
    path: "src/web",
    threads: ["browser"],
    local: [],
    external: ["vendor"],
    reason: "the browser gets these files as they are, and libraries below /vendor",
  },
  {
    path: "procedures",
    threads: ["procedure worker"],
    local: ["src/runtime", "src/shared"],
    external: ANYTHING,
    reason: "a procedure knows its sensor and nothing of the agent",
  },
  {
    path: "procedures/registry.ts",
    threads: MAIN,
    local: ["src/shared"],
    external: [],
    reason: "main loads the registry, and must not load a sensor's library with it",
  },
  {
    path: "src/build",
    threads: ["build time"],
    local: ["src/shared"],
    external: ANYTHING,
    reason: "it builds the program and is no part of it",
  },
  { path: "config", local: [], external: [], reason: "it holds no code" },
  { path: "deno.json", local: [], external: [], reason: "it holds no code" },
  {
    path: "tests",
    local: ["main.ts", "src", "procedures", "config", "deno.json"],
    external: ANYTHING,
    reason: "tests see everything",
  },
];

/** Builtins of Node that some rooms have for themselves. */
export const RESERVED: ReadonlyMap<string, { rooms: readonly string[]; reason: string }> = new Map([
  ["node:sqlite", {
    rooms: ["src/store", "src/agent/state_check.ts"],
    reason: "one thread alone writes measurements",
  }],
]);

/** Where `import.meta.resolve("./x.ts")` may stand, and what it may name. */
export const ENTRIES: readonly { from: string; to: readonly string[]; reason: string }[] = [
  { from: "procedures/registry.ts", to: ["procedures"], reason: "the registry lists procedures" },
  { from: "src/backends/registry.ts", to: ["src/backends"], reason: "the registry lists backends" },
  {
    from: "src/agent",
    to: ["src/store", "src/release", "src/runtime/lock.ts", "src/runtime/broadcaster.ts"],
    reason: "main starts these workers itself",
  },
  { from: "src/cli", to: ["tests/acceptance"], reason: "the acceptance tests run on the device, too" },
];

/** Files that may call `Deno.exit`: everything else ends by returning, so that teardown is never skipped. */
export const MAY_EXIT: readonly string[] = ["main.ts"];
