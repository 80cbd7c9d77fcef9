// Runs in: tests.
import { assertEquals } from "@std/assert";
import type { BackendStatusJson, WorkerStatusJson } from "../../src/agent/status.ts";
import { judge } from "../../src/agent/verdict.ts";
import { fakeBackend, fakeStatus, fakeWorker, NOW_MS } from "../support/fake_status.ts";

type Judged = Parameters<typeof judge>[0];

const MINUTE_MS = 60_000;
const failed = (agoMs: number, state: WorkerStatusJson["state"] = "running") =>
  fakeWorker({ state, last_error: { time_ms: NOW_MS - agoMs, message: "the sensor is gone" } });
const backend = (changes: Partial<BackendStatusJson>) => ({ backends: { tenta: fakeBackend(changes) } });

const CASES: [name: string, changes: Partial<Judged>, text: string][] = [
  ["all is well", {}, "Well: 2 procedures measuring, 12 waiting for tenta, last sent 4 s ago"],
  ["no backend", { backends: {} }, "Well: 2 procedures measuring"],
  ["one procedure", { procedures: { walk: fakeWorker() }, backends: {} }, "Well: 1 procedure measuring"],
  ["starting", {
    ready: false,
    procedures: { walk: fakeWorker({ state: "starting" }) },
  }, "Not well: not every procedure has been started yet"],
  ["a procedure waits", {
    procedures: { walk: fakeWorker({ state: "backoff" }) },
  }, "Not well: walk is waiting to be started again"],
  ["a procedure has just failed", {
    procedures: { walk: failed(12_000), ok: fakeWorker() },
  }, "Not well: walk failed 12 s ago"],
  ["a procedure has just failed and waits", {
    procedures: { walk: failed(2000, "backoff") },
  }, "Not well: walk failed 2 s ago and is waiting to be started again"],
  ["a procedure failed long ago", {
    procedures: { walk: failed(2 * MINUTE_MS) },
    backends: {},
  }, "Well: 1 procedure measuring"],
  [
    "a connection that has just gone",
    backend({ connected: false, connection_since_ms: NOW_MS - 3000 }),
    "Well: 2 procedures measuring, 12 waiting for tenta, last sent 4 s ago",
  ],
  [
    "a connection that is gone",
    backend({ connected: false, connection_since_ms: NOW_MS - 3 * MINUTE_MS }),
    "Not well: tenta has not been connected for 3 min",
  ],
  [
    "a backend that sends nothing",
    backend({
      oldest_waiting_ms: NOW_MS - 60 * MINUTE_MS,
      last_sent_ms: NOW_MS - 30 * MINUTE_MS,
      connection_since_ms: NOW_MS - 300 * MINUTE_MS,
    }),
    "Not well: messages have waited for tenta for 60 min",
  ],
  [
    "an old queue that is being sent",
    backend({ oldest_waiting_ms: NOW_MS - 60 * MINUTE_MS }),
    "Well: 2 procedures measuring, 12 waiting for tenta, last sent 4 s ago",
  ],
  ["the store restarts", {
    store: { ...fakeWorker({ state: "backoff" }), messages: null, database_doubt: null },
  }, "Not well: the store is waiting to be started again"],
  [
    "a server that takes nothing although it is there",
    backend({ held_back: "holds back messages for a (b)", held_back_since_ms: NOW_MS - 2 * MINUTE_MS }),
    "Not well: the server of tenta has not taken messages for 2 min",
  ],
  [
    "a server that did not take something a moment ago",
    backend({ held_back: "holds back messages for a (b)", held_back_since_ms: NOW_MS - 3000 }),
    "Well: 2 procedures measuring, 12 waiting for tenta, last sent 4 s ago",
  ],
  [
    "the store is busy",
    { store: { ...fakeWorker(), messages: null, database_doubt: null } },
    "Not well: the store does not answer",
  ],
  ["a database that could not be checked", {
    store: { ...fakeStatus().store, database_doubt: "its worker ended (silent)" },
  }, "Not well: the database could not be checked"],
  ["a damaged configuration", {
    config_damage: "/home/ivy/config.json: it is cut off",
  }, "Not well: the configuration is damaged and the last one that ran is used"],
  ["a disk that nobody can look at", { disk: null }, "Not well: the free space of the disk cannot be read"],
  ["a full disk, and a procedure that waits", {
    disk: {
      free_bytes: 12e6,
      total_bytes: 1e9,
      min_free_bytes: 200e6,
      max_outbox_bytes: 1024e6,
      limit_warnings: [],
    },
    procedures: { walk: fakeWorker({ state: "backoff" }) },
  }, "Not well: the disk is nearly full: 12.0 MB free, walk is waiting to be started again"],
];
for (const [name, changes, expected] of CASES) {
  Deno.test(`the verdict: ${name}`, () => {
    const { well, text, reasons } = judge({ ...fakeStatus(), ...changes });
    assertEquals(text, expected);
    assertEquals([well, reasons.length === 0], [text.startsWith("Well"), well]);
  });
}
