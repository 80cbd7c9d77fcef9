// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { startThread, threadEnds } from "../../src/agent/threads.ts";
import { until } from "../support/until.ts";

const IDLE = "data:application/javascript,setInterval(() => {}, 1000)";

Deno.test("a thread counts as ended when it is gone, and not when nobody can look", async () => {
  const { worker, threadName } = startThread(IDLE, { type: "module" });
  const { readDirSync } = Deno;
  let failures = 0;
  Deno.readDirSync = (path) => {
    if (failures++ < 5) throw new Error("Too many open files (os error 24)");
    return readDirSync(path);
  };
  try {
    worker.terminate();
    assertEquals(await threadEnds(threadName), true);
    assertEquals(failures > 5, true, "it was looked at until it could be seen");
  } finally {
    Deno.readDirSync = readDirSync;
  }
});

Deno.test("workers that a worker starts do not mislead who waits for a thread's end", async () => {
  const nested = `data:application/javascript,${
    encodeURIComponent(
      `for (let i = 0; i < 3; i++) new Worker("${IDLE}", { type: "module" }); postMessage(0)`,
    )
  }`;
  const first = startThread(nested, { type: "module" });
  await new Promise((resolve) => first.worker.onmessage = resolve);
  const second = startThread(IDLE, { type: "module" });
  assert(names().includes(second.threadName), `${second.threadName} is none of ${names()}`);
  second.worker.terminate();
  assertEquals(await threadEnds(second.threadName), true);
  assert(!names().includes(second.threadName));
  first.worker.terminate();
  await until("all have ended", () => !names().some((name) => name.startsWith("worker-")));
});

function names(): string[] {
  return [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/self/task/${name}/comm`).trim();
    } catch {
      return []; // it has ended just now
    }
  });
}
