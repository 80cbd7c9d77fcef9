// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ServiceReports, storeIsHealthy } from "../../../src/agent/service/reports.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import { fakeStatus, fakeWorker } from "../../support/fake_status.ts";
import { until } from "../../support/until.ts";

const WELL = fakeWorker();
const COUNTED = { free_bytes: 1 } as AgentStatus["store"]["messages"];
const STORE = { ...WELL, messages: COUNTED, database_doubt: null };

function statusOf(change: Parameters<typeof fakeStatus>[0]): AgentStatus {
  return fakeStatus({ procedures: { a: WELL }, backends: {}, store: STORE, ...change });
}

/** Reports with a manager that notes what it hears. */
function startReports(watchdogMs: number | undefined, status: () => AgentStatus) {
  const told: string[] = [];
  const signsMs: number[] = [];
  const complaints: string[] = [];
  const reports = new ServiceReports({
    notifier: {
      watchdogMs,
      send(...lines) {
        if (lines.includes("WATCHDOG=1")) signsMs.push(performance.now());
        return told.push(...lines) > 0;
      },
    },
    status: () => Promise.resolve().then(status),
    complain: (sentence) => complaints.push(sentence),
  });
  return { reports, told, complaints, signsMs, signs: () => signsMs.length };
}

Deno.test("a store is healthy when it answers, or opens and is alive", () => {
  const store = (change: Partial<AgentStatus["store"]>) => storeIsHealthy({ ...STORE, ...change });
  assertEquals(store({}), true);
  assertEquals(store({ messages: null }), false);
  assertEquals(store({ state: "starting", messages: null, seconds_since_heartbeat: 4 }), true);
  assertEquals(store({ state: "starting", messages: null, seconds_since_heartbeat: 14 }), false);
  assertEquals(store({ state: "starting", messages: null, seconds_since_heartbeat: null }), false);
  assertEquals(store({ state: "backoff", messages: null }), false);
});

Deno.test("signs of life come while the store is healthy, at half of what the manager allows, and then no more", async () => {
  let isHung = false;
  let looks = 0;
  const { reports, told, signs, signsMs } = startReports(200, () => {
    looks++;
    return statusOf({ store: { ...STORE, messages: isHung ? null : COUNTED } });
  });
  assertEquals(told.slice(0, 2), [`MAINPID=${Deno.pid}`, "STATUS=Starting"]);
  await until("three signs", () => signs() >= 3);
  const pausesMs = signsMs.slice(1).map((timeMs, index) => timeMs - signsMs[index]!);
  assertEquals(pausesMs.filter((pauseMs) => pauseMs < 95), [], "more often than at half of 200 ms");
  isHung = true;
  const [looksBefore, signsBefore] = [looks, signs()];
  await until("twenty more looks", () => looks > looksBefore + 20);
  assertEquals(signs() - signsBefore <= 1, true); // one look may have been under way
  assertStringIncludes(told.at(-1)!, "STATUS=Not well: the store does not answer");
  reports.ending("stop", "SIGTERM");
  assertEquals(told.slice(-2), ["STOPPING=1", "STATUS=Stopping: SIGTERM"]);
});

Deno.test("ready is told once asked, and a restart in place is no end", async () => {
  const { reports, told, signs } = startReports(undefined, () => statusOf({}));
  await reports.ready();
  assertEquals(told.filter((line) => line === "READY=1").length, 1);
  assertEquals(told.includes("STATUS=Well: 1 procedure measuring"), true);
  reports.ending("restart", "a thread is stuck");
  assertEquals(told.at(-1), "STATUS=Restarting: a thread is stuck");
  assertEquals([told.includes("STOPPING=1"), signs()], [false, 0]);
  await reports.ready();
  assertEquals(told.filter((line) => line === "READY=1").length, 1, "an agent that ends is not ready");
});

Deno.test("an agent that ends for a restart is given time, but not for ever", async () => {
  const { reports, signs } = startReports(
    100,
    () => statusOf({ ready: false, store: { ...STORE, messages: null } }),
  );
  reports.ending("restart", "another version");
  await until("the last signs", () => signs() === 3);
});

Deno.test("an agent that cannot say how it is gives no sign of life", async () => {
  const { reports, complaints, signs } = startReports(50, () => {
    throw new Error("out of order");
  });
  await until("a complaint", () => complaints.length > 2);
  assertEquals(signs(), 0);
  assertStringIncludes(complaints[0]!, "out of order");
  reports.ending("stop", "test");
});
